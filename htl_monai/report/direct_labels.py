"""Finds room for the labels that stand beside points and at the ends of curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

# Where a label is tried, in the order of preference: right, left, above, below, then the corners.
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
# And how far away, in units of the distance to the point.
_STEPS = (1, 2, 3.5, 5, 7, 9)


def spread_apart(positions: ArrayLike, gap: float) -> NDArray[np.float64]:
    """Move positions on a line as little as possible until neighbours are ``gap`` apart.

    With the ranks' own distance taken away, the least squares answer is an isotonic regression.

    Args:
        positions: ``(N,)``, finite.
        gap: the least distance, in the unit of the positions; at least 0.

    Returns:
        ``(N,)`` in the order of ``positions``, which they keep on the line.

    Example:
        >>> spread_apart([0.0, 5.0, 5.0], gap=1.0).tolist()
        [0.0, 4.5, 5.5]
    """
    values = np.asarray(positions, dtype=np.float64)
    if not len(values):
        return values
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    moved = np.empty_like(values)
    moved[order] = isotonic_regression(values[order] - steps).x + steps
    return moved


def place_beside(points: ArrayLike, sizes: ArrayLike, distance: float, bounds: ArrayLike) -> NDArray[np.float64]:
    """Choose for each label a place beside its point that covers no other point and no label placed before.

    Args:
        points: ``(N, 2)``, x and y.
        sizes: ``(N, 2)``, width and height of the labels in the same unit.
        distance: between a point and its label; also how much room a point needs around it.
        bounds: left, bottom, right and top of the area that the labels keep to.

    Returns:
        ``(N, 2)`` centres of the labels. Where no place is free, even farther away, the label stands to the right.

    Example:
        >>> place_beside([[0, 0], [1, 0]], [[4, 2], [4, 2]], distance=1, bounds=[-9, -9, 9, 9]).tolist()
        [[-3.0, 0.0], [4.0, 0.0]]
    """
    points, sizes = np.asarray(points, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    area = np.asarray(bounds, dtype=np.float64)
    dots = np.concatenate([points - distance / 2, points + distance / 2], axis=1)
    placed = np.empty((0, 4))
    centres = np.empty_like(points)
    for i, (point, size) in enumerate(zip(points, sizes, strict=True)):
        others = np.concatenate([np.delete(dots, i, axis=0), placed])
        tries = [point + np.array(side) * (size / 2 + distance * step) for step in _STEPS for side in _SIDES]
        boxes = [_box(centre, size) for centre in tries]
        inside = [bool((box[:2] >= area[:2]).all() and (box[2:] <= area[2:]).all()) for box in boxes]
        free = [place for place, box in enumerate(boxes) if inside[place] and not _overlaps(box, others)]
        best = free[0] if free else 0
        centres[i] = tries[best]
        placed = np.concatenate([placed, [boxes[best]]])
    return centres


def label_points(axes: Axes, x: ArrayLike, y: ArrayLike, names: Sequence[str], font_size: float = 8) -> None:
    """Write a name beside each point of a scatter plot, with a line to it where it stands apart.

    Call it when all else is drawn and laid out, by ``figure.draw_without_rendering()``: places are found in pixels.
    """
    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    pixel = figure.dpi / 72
    data = np.column_stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    points = axes.transData.transform(data)
    sizes = np.array([_size(axes, name, font_size) for name in names]).reshape(-1, 2)
    centres = place_beside(points, sizes, 5 * pixel, axes.bbox.extents)
    for name, place, point, size, centre in zip(names, data, points, sizes, centres, strict=True):
        gap = np.max(np.abs(centre - point) - size / 2)
        line = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2.5}
        axes.annotate(
            name,
            (float(place[0]), float(place[1])),
            xytext=tuple((centre - point) / pixel),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=font_size,
            arrowprops=line if gap > 7 * pixel else None,
        ).set_in_layout(False)


def _size(axes: Axes, text: str, font_size: float) -> tuple[float, float]:
    """Return width and height of a text in pixels."""
    artist = axes.text(0.5, 0.5, text, fontsize=font_size, transform=axes.transAxes)
    extent = artist.get_window_extent()
    artist.remove()
    return extent.width, extent.height


def _box(centre: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([centre - size / 2, centre + size / 2])


def _overlaps(box: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    apart = (others[:, :2] >= box[2:]) | (others[:, 2:] <= box[:2])
    return bool((~apart.any(axis=1)).any())
