"""Turns masks into closed polygons between their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import approximate_polygon, find_contours

from htl_monai.localization.boxes import mask_to_box

__all__ = ["Polygon", "box_outline", "outlines_of", "placed"]

Polygon = NDArray[np.float64]
"""Points ``(P, 2)`` in the order of the axes; the centre of the first pixel is 0, the last point is the first."""
_MOST = 200


def outlines_of(mask: NDArray[np.bool_]) -> list[Polygon]:
    """Return the outlines of all regions of a mask and of their holes, the largest first, by marching squares.

    They run half way between the pixels of the mask and those beside it, and cut corners. Of a mask in crumbs the 200
    longest outlines are kept.

    Args:
        mask: ``(A, B)``.

    Example:
        >>> (outline,) = outlines_of(np.pad(np.ones((2, 3), dtype=bool), 4))
        >>> outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
        ([3.5, 3.5], [5.5, 6.5])
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return []
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = find_contours(np.pad(part, 1).astype(np.float64), 0.5)
    return [outline + (rows[0] - 1, columns[0] - 1) for outline in sorted(found, key=len, reverse=True)[:_MOST]]


def box_outline(mask: NDArray[np.bool_]) -> list[Polygon]:
    """Return the outline of the box of a mask's largest region; none where it is empty."""
    box = mask_to_box(mask)
    if box is None:
        return []
    low, high = (box.y_min - 0.5, box.x_min - 0.5), (box.y_max - 0.5, box.x_max - 0.5)
    corners = [low, (low[0], high[1]), high, (high[0], low[1]), low]
    return [np.array(corners, dtype=np.float64)]


def placed(outlines: list[Polygon], matrix: NDArray[np.float64], tolerance: float = 0.3) -> list[list[list[float]]]:
    """Bring outlines into a picture, simplified.

    Args:
        outlines: as :func:`outlines_of` returns them.
        matrix: ``(3, 3)``, from the indices of the mask to x and y in the picture, whose first pixel covers 0 to 1.
        tolerance: how far a point may move, in pixels of the picture; at least four tenths of a pixel of the mask,
            whose stairs say nothing.

    Returns:
        points ``[x, y]`` to a tenth of a pixel, of each outline.
    """
    pixel = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    allowed = max(tolerance, 0.4 * pixel)
    found = []
    for outline in outlines:
        points = outline @ matrix[:2, :2].T + matrix[:2, 2]
        simple = approximate_polygon(points, allowed)
        # A region smaller than the tolerance would be a line.
        found.append(np.round(simple if len(simple) > 3 else points, 1).tolist())
    return found
