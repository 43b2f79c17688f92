"""Makes pictures of values: of any range, any number of channels, square pixels."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["CUT", "LONG_SIDE", "encoded", "fitted", "grey_of"]

LONG_SIDE = 384
CUT = 1.0
"""Percent of the values that are black, and white, of more than 8 bits."""
_ENLARGED = 8
_QUALITY = 80


def grey_of(picture: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the mean of the channels of ``(A, B)`` or ``(A, B, C)``."""
    return np.asarray(picture, dtype=np.float64).reshape(*picture.shape[:2], -1).mean(axis=2)


def fitted(size: tuple[float, float], long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Return the width and height in pixels at which a picture is shown; a tiny one is enlarged, eightfold at most.

    Args:
        size: width and height, in any unit that is the same for both.

    Example:
        >>> fitted((1000, 500)), fitted((20, 40))
        ((384, 192), (160, 320))
    """
    factor = min(long_side / max(size), _ENLARGED)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def encoded(picture: Image.Image) -> bytes:
    """Return a picture as WebP, free of what its file carried along."""
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
