"""What every pruner has in common: an amount, ranks of the weights, and masks by comparison with a threshold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.compressor import Compressor
from htl_monai.pruning.sweep import Sweep

__all__ = ["Pruner", "check_finite", "like_weight", "split_like"]


@dataclass(frozen=True)
class Pruner(Compressor):
    """A value that says which weights go: those whose rank lies below a threshold that grows with the amount.

    The ranks do not depend on the amount. They are made once (sorting is the expensive part), and every sparsity's
    masks follow by comparison; therefore the masks are nested: what is removed at 50 % is also removed at 70 %.

    Args:
        amount: fraction of the weights to remove, in [0, 1). The paper's Algorithm 1 mines at 0.7.

    Raises:
        TypeError: ``amount`` is no number.
        ValueError: ``amount`` lies outside [0, 1).
    """

    def sweep(self, network: nn.Module, sparsities: Sequence[float]) -> Sweep:
        """Return the sweep that prunes ``network`` to each of ``sparsities``; see :class:`~htl_monai.pruning.Sweep`."""
        return Sweep(network, self, sparsities)

    @abstractmethod
    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank the weights of ``network``: int32, shape and memory format of each weight; the lowest go first.

        Raises:
            ValueError: a weight is not finite (the error names its layer), or nothing can be pruned.
        """

    @abstractmethod
    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return, for each weight, the rank below which an entry is removed when ``amount`` is pruned."""

    def masks(self, network: nn.Module) -> dict[str, Tensor]:
        """Return boolean masks, True = keep, by parameter name, on the device and in the format of the weights.

        Raises:
            ValueError: a weight is not finite (the error names its layer), or nothing can be pruned.
        """
        ranks = self.ranks(network)
        thresholds = self.thresholds(ranks, self.amount)
        return {name: rank >= thresholds[name] for name, rank in ranks.items()}


def check_finite(parameters: dict[str, nn.Parameter]) -> None:
    """Refuse NaN and infinite weights: NaN has no rank, infinity times a mask's 0 is NaN, and neither predicts."""
    for name, weight in parameters.items():
        if not torch.isfinite(weight.detach()).all():
            raise ValueError(
                f"network must have finite weights, got NaN or infinity in {name}; load a checkpoint that converged"
            )


def like_weight(values: Tensor, weight: Tensor) -> Tensor:
    """Copy ``values`` (broadcast) into a tensor that has the shape and the memory format of ``weight``."""
    return torch.empty_like(weight, dtype=values.dtype, requires_grad=False).copy_(values)


def split_like(flat: Tensor, parameters: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Cut a vector over all weights, in logical order, into tensors like the parameters."""
    parts = flat.split([weight.numel() for weight in parameters.values()])
    return {
        name: like_weight(part.view(weight.shape), weight)
        for (name, weight), part in zip(parameters.items(), parts, strict=True)
    }
