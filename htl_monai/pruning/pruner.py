"""What every pruner has in common: an amount, ranks of the weights, masks by a threshold, a sweep after one sort."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from htl_monai.pruning.compressor import Compressor
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.weight_sweep import WeightSweep, check_finite

__all__ = ["Pruner", "Sweep", "finite_weights", "like_weight", "ranked", "split_like"]


@dataclass(frozen=True)
class Pruner(Compressor):
    """A value that says which weights go: those whose rank lies below a threshold that grows with the amount.

    The ranks do not depend on the amount. They are made once (sorting is the expensive part), and every sparsity's
    masks follow by comparison; therefore the masks are nested: what is removed at 50 % is also removed at 70 %.
    """

    def sweep(self, network: nn.Module, sparsities: Sequence[float]) -> Sweep:
        """Return the sweep that prunes ``network`` to each of ``sparsities``."""
        return Sweep(network, self, sparsities)

    @abstractmethod
    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank the weights of ``network``: int32, shape and memory format of each weight; the lowest go first.

        Raises:
            ValueError: a weight is not finite (the error names its layer), or nothing can be pruned.
        """

    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return, for each weight, the rank below which an entry is removed when ``amount`` is pruned.

        It is the same for all of them where a pruner does not say otherwise: they are ranked together.
        """
        return dict.fromkeys(ranks, round(amount * sum(rank.numel() for rank in ranks.values())))

    def masks(self, network: nn.Module) -> dict[str, Tensor]:
        """Return boolean masks, True = keep, by parameter name, on the device and in the format of the weights.

        Raises:
            ValueError: a weight is not finite (the error names its layer), or nothing can be pruned.
        """
        ranks = self.ranks(network)
        thresholds = self.thresholds(ranks, self.amount)
        return {name: rank >= thresholds[name] for name, rank in ranks.items()}


class Sweep(WeightSweep):
    """All sparsities of one network, see :class:`~htl_monai.pruning.WeightSweep`; the pruner's ``amount`` is unused.

    The weights are ranked once; since the masks of a pruner are nested, one byte a weight (at how many of the
    sparsities it survives) holds them all. A block costs one masked copy of the dense weights and one plain copy at its
    end. Memory: one copy of the dense weights and that byte.

    Raises:
        ValueError: a weight is not finite; or as there.

    Example:
        >>> from htl_monai.pruning import GlobalMagnitude
        >>> layer = nn.Linear(10, 1)
        >>> sweep = Sweep(layer, GlobalMagnitude(), [0.5, 0.7])
        >>> with sweep.at(0.7):
        ...     int(layer.weight.count_nonzero())
        3
    """

    def __init__(self, network: nn.Module, pruner: Pruner, sparsities: Sequence[float]) -> None:
        super().__init__(network, sparsities)
        self.pruner = pruner
        self._order = {sparsity: i for i, sparsity in enumerate(sorted(self.sparsities))}
        self._survived = self._survivals()
        self._n_kept = [sum(int((kept > i).sum()) for kept in self._survived.values()) for i in range(len(self._order))]

    def masks(self, sparsity: float) -> dict[str, Tensor]:
        """Return the masks at one of ``sparsities``, equal to those of the pruner at that amount."""
        self._check_known(sparsity)
        return {name: survived > self._order[sparsity] for name, survived in self._survived.items()}

    def _layers_at(self, sparsity: float) -> pd.DataFrame:
        """Return ``layer``, ``n_weights``, ``n_removed`` and ``sparsity``, the fraction that was really removed."""
        rows = [(name, mask.numel(), mask.numel() - int(mask.sum())) for name, mask in self.masks(sparsity).items()]
        rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
        table = pd.DataFrame(rows, columns=["layer", "n_weights", "n_removed"])
        return table.assign(sparsity=table["n_removed"] / table["n_weights"])

    def _apply(self, sparsity: float) -> None:
        for name, parameter in self._parameters.items():
            # 1 where the weight survives this sparsity, else 0, times the dense weight. In the parameter's own
            # storage: nothing is allocated, and on a CPU it takes a quarter of the time of torch.where.
            weight = parameter.detach()
            weight.copy_(self._survived[name]).sub_(self._order[sparsity]).clamp_(0, 1).mul_(self._dense[name])

    def _key(self, sparsity: float) -> int:
        # Masks are nested: those that keep as many weights keep the same ones.
        return self._n_kept[self._order[sparsity]] if sparsity else sum(map(torch.numel, self._survived.values()))

    def _survivals(self) -> dict[str, Tensor]:
        """Count, for every weight, the sparsities at which it stays; in ascending order those are the first ones."""
        ranks = self.pruner.ranks(self.network)
        survived = {name: torch.zeros_like(rank, dtype=torch.uint8) for name, rank in ranks.items()}
        for sparsity in self._order:
            for name, threshold in self.pruner.thresholds(ranks, sparsity).items():
                survived[name] += ranks[name] >= threshold
        return survived


def finite_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return what may be pruned of a network.

    Raises:
        ValueError: nothing may, or a weight is not finite.
    """
    parameters = prunable_parameters(network)
    check_finite(parameters)
    return parameters


def ranked(values: Tensor) -> Tensor:
    """Return the rank of each of some values, int32, from 0 = the least; of equal ones the first comes first."""
    order = torch.argsort(values, stable=True)
    ranks = torch.empty_like(order, dtype=torch.int32)
    ranks[order] = torch.arange(len(order), dtype=torch.int32, device=order.device)
    return ranks


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
