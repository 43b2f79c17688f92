"""Global magnitude pruning: the smallest weights of the whole network go."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.pruner import Pruner, finite_weights, ranked, split_like

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
        parameters = finite_weights(network)
        # reshape, not view: channels-last weights are read in logical order, so that the layout cannot change a tie.
        magnitudes = torch.cat([weight.detach().reshape(-1) for weight in parameters.values()]).abs_()
        return split_like(ranked(magnitudes), parameters)
