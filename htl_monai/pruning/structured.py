"""Structured magnitude pruning: whole output channels go."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from htl_monai.pruning.matrices import TRANSPOSED_LAYERS
from htl_monai.pruning.prunable import prunable_layers
from htl_monai.pruning.pruner import Pruner, finite_weights, like_weight, ranked

__all__ = ["StructuredMagnitude"]


@dataclass(frozen=True)
class StructuredMagnitude(Pruner):
    """Remove, in each layer, the ``round(amount * channels)`` output channels whose weights have the least L2 norm.

    As ``torch.nn.utils.prune.ln_structured`` with ``n=2``: each layer loses the same fraction, because norms of layers
    with different fan-in cannot be compared. One channel of a layer always stays. Rounding to whole channels makes
    the real sparsity differ from the amount, above all in layers of few channels (the last one of a two-class network
    has 2); a sweep's ``report`` tells it.

    The output channels are dimension 0 of a convolution and of a linear layer, and dimension 1 of a transposed
    convolution; if that one has groups, the channels of the same position in each group go together.

    Args:
        amount: fraction of each layer's output channels to remove, in [0, 1).

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> _ = layer.weight.data.copy_(torch.tensor([[1.0, 1.0], [3.0, 0.0]]))
        >>> StructuredMagnitude(amount=0.5).masks(layer)["weight"].tolist()
        [[False, False], [True, True]]
    """

    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank each layer's output channels among themselves; see :meth:`Pruner.ranks`."""
        layers = prunable_layers(network)
        return {
            name: _channel_ranks(weight.detach(), 1 if isinstance(layers[name], TRANSPOSED_LAYERS) else 0)
            for name, weight in finite_weights(network).items()
        }

    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return each layer's number of channels to remove; see :meth:`Pruner.thresholds`."""
        n_channels = {name: int(rank.max()) + 1 for name, rank in ranks.items()}
        return {name: min(round(amount * count), count - 1) for name, count in n_channels.items()}


def _channel_ranks(weight: Tensor, channel_dim: int) -> Tensor:
    norms = torch.linalg.vector_norm(weight.transpose(0, channel_dim).flatten(1), dim=1)
    shape = [-1 if dim == channel_dim else 1 for dim in range(weight.ndim)]
    return like_weight(ranked(norms).view(shape), weight)
