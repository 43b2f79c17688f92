"""How much two boxes overlap, and where a box lies in its picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from htl_monai.localization.boxes import Box

__all__ = ["BOX_EDGES", "box_edges", "box_iou", "edges_in_pixels"]

BOX_EDGES = Box._fields

# A fraction such as 3/11 times 11 may miss the whole number by some 1e-16.
_ROUNDING = 1e-6


def box_iou(a: Box | None, b: Box | None) -> float:
    """Return the IoU of two half-open boxes, as ``torchvision.ops.box_iou`` of them.

    Attend Who is Weak, Algorithm 2 leaves the difference of two boxes open; here the box drop is 1 - IoU.

    Returns:
        In [0, 1], higher = closer; 1 where both boxes are None (nothing to enclose), 0 where one is.

    Example:
        >>> box_iou(Box(0, 0, 4, 4), Box(2, 0, 6, 4))
        0.3333333333333333
    """
    if a is None or b is None:
        return float(a is None and b is None)
    width = min(a.x_max, b.x_max) - max(a.x_min, b.x_min)
    height = min(a.y_max, b.y_max) - max(a.y_min, b.y_min)
    intersection = max(width, 0) * max(height, 0)
    return intersection / (_area(a) + _area(b) - intersection)


def box_edges(box: Box | None, height: int, width: int) -> tuple[float, float, float, float]:
    """Return the edges of a box as fractions of the picture, in the order of ``BOX_EDGES``; NaN without a box.

    Fractions hold at any size of the same picture: multiply by its width and height to have pixels.
    """
    if box is None:
        return (float("nan"),) * 4
    return box.x_min / width, box.y_min / height, box.x_max / width, box.y_max / height


def edges_in_pixels(edge: str, fractions: NDArray[np.float64], sides_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one edge of boxes in whole pixels of pictures of any size.

    Rounded outwards: the box then holds every pixel that the fractions touch, cuts off nothing of a lesion, is never
    empty, and lies within the picture. It is wider by less than one pixel a side.

    Args:
        edge: one of ``BOX_EDGES``.
        fractions: from :func:`box_edges`, ``(N,)`` or ``(N, S)``; NaN stays NaN.
        sides_px: the pictures' widths for an edge along x, heights for one along y, ``(N,)``.

    Example:
        >>> edges_in_pixels("x_min", np.array([0.25, 0.5]), np.array([10, 10])).tolist()
        [2.0, 5.0]
        >>> edges_in_pixels("x_max", np.array([0.25, 0.5]), np.array([10, 10])).tolist()
        [3.0, 5.0]
    """
    edges = fractions * sides_px.reshape(-1, *(1,) * (fractions.ndim - 1))
    return np.floor(edges + _ROUNDING) if edge.endswith("min") else np.ceil(edges - _ROUNDING)


def _area(box: Box) -> int:
    return (box.x_max - box.x_min) * (box.y_max - box.y_min)
