"""Random pruning: the control that removes as many weights without looking at them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.pruner import Pruner, finite_weights, split_like

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
        parameters = finite_weights(network)
        n_weights = sum(weight.numel() for weight in parameters.values())
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: the same numbers whatever the device
        return split_like(torch.randperm(n_weights, generator=generator, dtype=torch.int32), parameters)
