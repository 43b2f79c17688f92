"""Gives the boxes among the scores of images in pixels of the original images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from htl_monai.data.images.threads import on_threads
from htl_monai.tasks.boxes import BOX_EDGES, edges_in_pixels

__all__ = ["boxes_in_pixels"]


def boxes_in_pixels(
    data: Sequence[Mapping[str, Any]], ids: Sequence[str], scores: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Return the scores with ``x_min_px`` instead of the fraction ``x_min``, and so on for the other edges of a box.

    A table is read by people and programs that know the original images; how large the network saw them is an entry of
    the configs. Without boxes among the scores no image is looked at.

    Args:
        data: the data list, with ``id`` and the path ``image``, whose header tells the size.
        ids: the image of each row of scores.
        scores: by name, rows first: ``(N,)`` or ``(N, S)``.
    """
    if not set(BOX_EDGES) <= scores.keys():
        return dict(scores)
    wanted = set(ids)
    items = [item for item in data if item["id"] in wanted]
    found = on_threads(_size, items, "reading sizes", progress=False)
    sizes = {item["id"]: size for item, size in zip(items, found, strict=True)}
    nowhere = (np.nan, np.nan)  # an image that the data list lacks gets no row in a table
    widths, heights = np.array([sizes.get(id_, nowhere) for id_ in ids], dtype=np.float64).reshape(-1, 2).T
    sides = {"x_min": widths, "y_min": heights, "x_max": widths, "y_max": heights}
    return {
        f"{name}_px" if name in sides else name: edges_in_pixels(name, values, sides[name]) if name in sides else values
        for name, values in scores.items()
    }


def _size(item: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height in pixels; no pixel is decoded."""
    with Image.open(item["image"]) as image:
        return image.size
