"""Global magnitude pruning: the smallest weights of the whole network go."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.pruner import Pruner, check_finite, split_like

__all__ = ["GlobalMagnitude"]


@dataclass(frozen=True)
class GlobalMagnitude(Pruner):
    """Remove the ``round(amount * n)`` weights of smallest magnitude, ranked over all layers together.

    The pruner of both papers. The masks equal those of ``torch.nn.utils.prune.global_unstructured`` with
    ``L1Unstructured``; between equal magnitudes, the weight that comes first in the network goes first. An amount so
    near to 1 that it rounds to ``n`` removes all.

    Args:
        amount: fraction of the weights to remove, in [0, 1).

    Example:
        >>> layer = nn.Linear(4, 1)
        >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, -1.0, 0.5, -4.0]]))
        >>> GlobalMagnitude(amount=0.5).masks(layer)
        {'weight': tensor([[ True, False, False,  True]])}
    """

    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank every weight by its magnitude among all weights; see :meth:`Pruner.ranks`."""
        parameters = prunable_parameters(network)
        check_finite(parameters)
        # reshape, not view: channels-last weights are read in logical order, so that the layout cannot change a tie.
        magnitudes = torch.cat([weight.detach().reshape(-1) for weight in parameters.values()]).abs_()
        order = torch.argsort(magnitudes, stable=True)
        del magnitudes
        ranks = torch.empty_like(order, dtype=torch.int32)
        ranks[order] = torch.arange(len(order), dtype=torch.int32, device=order.device)
        return split_like(ranks, parameters)

    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return the same rank for every weight; see :meth:`Pruner.thresholds`."""
        return dict.fromkeys(ranks, round(amount * sum(rank.numel() for rank in ranks.values())))
