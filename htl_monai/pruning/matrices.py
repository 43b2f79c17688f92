"""Views the weight of a layer as the matrices that it multiplies its inputs with."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

__all__ = ["TRANSPOSED_LAYERS", "matrices_to_weight", "weight_to_matrices"]

TRANSPOSED_LAYERS = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def weight_to_matrices(weight: Tensor, layer: nn.Module) -> Tensor:
    """Return a weight as one matrix a group of channels: a row an output channel, a column an input of its sum.

    Of ``(out, in / G, *kernel)``, or ``(in, out / G, *kernel)`` of a transposed convolution, comes
    ``(G, out / G, in / G * kernel elements)``.

    Example:
        >>> layer = nn.Conv2d(4, 6, kernel_size=3, groups=2)
        >>> weight_to_matrices(layer.weight, layer).shape
        torch.Size([2, 3, 18])
    """
    groups = _groups(layer)
    if isinstance(layer, TRANSPOSED_LAYERS):
        inputs_first = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
        return inputs_first.transpose(1, 2).flatten(2)
    return weight.reshape(groups, weight.shape[0] // groups, -1)


def matrices_to_weight(matrices: Tensor, weight: Tensor, layer: nn.Module) -> Tensor:
    """Return the matrices of :func:`weight_to_matrices` in the shape of ``weight``."""
    if isinstance(layer, TRANSPOSED_LAYERS):
        groups = _groups(layer)
        outputs_first = matrices.reshape(groups, weight.shape[1], weight.shape[0] // groups, -1)
        return outputs_first.transpose(1, 2).reshape(weight.shape)
    return matrices.reshape(weight.shape)


def _groups(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.Linear) else cast(int, layer.groups)
