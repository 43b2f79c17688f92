"""Rounds weights and activations to the numbers that a few bits can hold, and returns them as floats."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rounded_images", "rounded_rows"]

_TINY = torch.finfo(torch.float32).tiny  # scale of what is zero throughout: it stays zero, and nothing divides by 0


def rounded_rows(matrices: Tensor, bits: int) -> Tensor:
    """Quantise and dequantise each row symmetrically: its largest magnitude is kept, zero stays zero.

    The integers of 2 to 16 bits run from ``-(2^(bits - 1) - 1)`` to ``2^(bits - 1) - 1``. Of finite ``(G, M, N)``,
    whose rows are output channels, come as many float32.

    Example:
        >>> rounded_rows(torch.tensor([[[1.0, 0.4, -0.6]]]), bits=2)
        tensor([[[ 1.,  0., -1.]]])
    """
    rows = matrices.float().flatten(0, 1)
    highest = 2 ** (bits - 1) - 1
    scale = (rows.abs().amax(dim=1) / highest).clamp(min=_TINY)
    zero_point = torch.zeros_like(scale)
    return torch.fake_quantize_per_channel_affine(rows, scale, zero_point, 0, -highest, highest).view(matrices.shape)


def rounded_images(images: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """Quantise and dequantise each image of a batch affinely between its ``low`` and ``high``; zero stays zero.

    Values outside are brought to the nearest bound. An image with a range that is not finite becomes NaN.

    Args:
        images: ``(N, ...)``; the result has their dtype, shape and memory format.
        low: ``(N,)`` lowest value to represent; above 0 counts as 0.
        high: ``(N,)`` highest value to represent; below 0 counts as 0.
        bits: width of the integers, 2 to 16; they run from 0 to ``2^bits - 1``.

    Example:
        >>> rounded_images(torch.tensor([[0.0, 1.1, 3.0]]), torch.zeros(1), torch.full((1,), 3.0), bits=2)
        tensor([[0., 1., 3.]])
    """
    highest = 2**bits - 1
    low, high = low.float().clamp(max=0), high.float().clamp(min=0)
    scale = ((high - low) / highest).clamp(min=_TINY)
    # As floats: integer zero points are checked for their range, which makes a GPU wait, and could not carry NaN.
    zero_point = (-low / scale).round()
    return torch.fake_quantize_per_channel_affine(images.float(), scale, zero_point, 0, 0, highest).to(images.dtype)
