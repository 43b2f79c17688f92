"""Random pruning: the control that removes as many weights without looking at them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.pruner import Pruner, check_finite, split_like

__all__ = ["Random"]


@dataclass(frozen=True)
class Random(Pruner):
    """Remove ``round(amount * n)`` weights of the whole network, drawn with a seed of its own.

    The draw depends on the seed and on the shapes of the weights alone: it is the same on every device and rank.

    Args:
        amount: fraction of the weights to remove, in [0, 1).
        seed: seed of the draw.

    Example:
        >>> mask = Random(amount=0.25, seed=1).masks(nn.Linear(8, 1))["weight"]
        >>> int(mask.sum())
        6
    """

    seed: int = 0

    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank the weights by a random permutation; see :meth:`Pruner.ranks`."""
        parameters = prunable_parameters(network)
        check_finite(parameters)
        n_weights = sum(weight.numel() for weight in parameters.values())
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same numbers whatever the device
        ranks = torch.randperm(n_weights, generator=generator, dtype=torch.int32)
        return split_like(ranks, parameters)

    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return the same rank for every weight; see :meth:`Pruner.thresholds`."""
        return dict.fromkeys(ranks, round(amount * sum(rank.numel() for rank in ranks.values())))
