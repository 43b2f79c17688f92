"""Names the memory format in which convolutions of images and of volumes are fastest."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["channels_last_format"]

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def channels_last_format(tensor: Tensor) -> torch.memory_format:
    """Return the channels-last format of ``(N, C, H, W)`` and ``(N, C, D, H, W)``; of other shapes the one they have.

    Example:
        >>> channels_last_format(torch.ones(1, 2, 3, 4, 5))
        torch.channels_last_3d
    """
    return _FORMATS.get(tensor.ndim, torch.preserve_format)
