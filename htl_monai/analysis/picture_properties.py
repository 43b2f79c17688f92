"""Simple properties of a picture and its label, by which to look for whom a model fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.color import rgb2gray

__all__ = ["picture_properties"]

_PLANES = 8  # of a volume, spread evenly: blur needs no more
_MARGIN = 0.25  # the surroundings of a label reach this far, as a share of its diameter


def picture_properties(
    image: ArrayLike, label: ArrayLike | None = None, spacing: Sequence[float] | None = None
) -> dict[str, float]:
    """Measure what of a picture may make it hard.

    Args:
        image: ``(C, H, W)`` or ``(C, H, W, D)``, of whole numbers (which count as shares of the range of their type) or
            of others (as they are). Three channels of a 2D picture are red, green and blue; others are averaged.
        label: ``(K, H, W[, D])``, foreground where any channel is above 0; None = there is none.
        spacing: size of a pixel along H, W and D in mm; None = unknown.

    Returns:
        ``brightness`` (mean), ``contrast`` (standard deviation), ``blur`` (the picture's standard deviation over that
        of its Laplacian, whatever the scale of the values: about the size of its details in pixels), ``label_size``
        (share of the picture, in [0, 1]), ``label_contrast`` (distance of the means of the label and its surroundings),
        ``label_area_mm2`` or ``label_volume_mm3``, ``spacing_mm`` (geometric mean) and ``anisotropy`` (largest spacing
        over the smallest). NaN where there is nothing to measure: no label, an empty one, one without surroundings, a
        picture of one value, an unknown spacing.

    Raises:
        ValueError: the shapes do not fit each other, or a spacing is not above 0.

    Example:
        >>> image = np.zeros((1, 4, 4), np.uint8)
        >>> image[0, :2] = 255
        >>> found = picture_properties(image, image > 0, spacing=(0.5, 1.0))
        >>> found["brightness"], found["label_size"], found["label_area_mm2"], found["label_contrast"]
        (0.5, 0.5, 4.0, 1.0)
    """
    picture = np.asarray(image)
    mask = None if label is None else np.asarray(label)
    _check(picture, mask, spacing)
    grey = _grey(picture)
    n_axes = grey.ndim
    pixel = np.full(n_axes, np.nan) if spacing is None else np.asarray(spacing, dtype=np.float64)
    region = np.zeros(grey.shape, dtype=bool) if mask is None else np.asarray((mask > 0).any(axis=0))
    size = float(region.mean()) if mask is not None else np.nan
    finite = np.isfinite(grey)
    values = grey[finite]
    spread = float(values.std()) if values.size else np.nan
    return {
        "brightness": float(values.mean()) if values.size else np.nan,
        "contrast": spread,
        "blur": _blur(grey) if finite.all() and spread > 0 else np.nan,
        "label_size": size,
        "label_contrast": _label_contrast(grey, region, pixel),
        "label_area_mm2" if n_axes == 2 else "label_volume_mm3": size * region.size * float(pixel.prod()),
        "spacing_mm": float(pixel.prod() ** (1 / n_axes)),
        "anisotropy": float(pixel.max() / pixel.min()),
    }


def _check(picture: NDArray, mask: NDArray | None, spacing: Sequence[float] | None) -> None:
    if picture.ndim not in (3, 4) or not picture.size:
        raise ValueError(f"image must have the shape (C, H, W) or (C, H, W, D), got {picture.shape}; add the channel")
    if mask is not None and mask.shape[1:] != picture.shape[1:]:
        raise ValueError(f"label must have the image's size {picture.shape[1:]}, got {mask.shape}; give it a channel")
    n_axes = picture.ndim - 1
    if spacing is not None and (len(spacing) != n_axes or not all(side > 0 for side in spacing)):
        raise ValueError(f"spacing must be {n_axes} numbers above 0, got {list(spacing)}; None where it is unknown")


def _grey(picture: NDArray) -> NDArray[np.float32]:
    """Return the mean of the channels, of whole numbers as a share of their type's range."""
    if picture.dtype == bool:
        picture = picture.astype(np.uint8) * 255
    scale = 1.0 / np.iinfo(picture.dtype).max if picture.dtype.kind in "iu" else 1.0
    values = picture.astype(np.float32) * np.float32(scale)
    is_rgb = values.ndim == 3 and len(values) == 3
    return np.asarray(rgb2gray(values, channel_axis=0) if is_rgb else values.mean(axis=0), dtype=np.float32)


def _blur(grey: NDArray[np.float32]) -> float:
    planes = grey[..., None] if grey.ndim == 2 else grey
    planes = planes[..., np.unique(np.linspace(0, planes.shape[-1] - 1, _PLANES).astype(int))]
    if min(planes.shape[:2]) < 3:
        return np.nan
    # By hand: scipy.ndimage.laplace takes thirty times as long.
    beside = planes[2:, 1:-1] + planes[:-2, 1:-1] + planes[1:-1, 2:] + planes[1:-1, :-2]
    detail = float((beside - 4 * planes[1:-1, 1:-1]).std())
    return float(planes.std()) / detail if detail > 0 else np.nan


def _label_contrast(grey: NDArray[np.float32], region: NDArray[np.bool_], pixel: NDArray[np.float64]) -> float:
    """Return how far the mean of a region is from that of a margin round it."""
    if not region.any():
        return np.nan
    n_axes = region.ndim
    relative = np.ones(n_axes) if np.isnan(pixel).any() else pixel / pixel.prod() ** (1 / n_axes)
    margin = np.maximum(1, np.rint(_MARGIN * region.sum() ** (1 / n_axes) / relative)).astype(int)
    found = ndimage.find_objects(region.astype(np.uint8))[0]
    near = tuple(
        slice(max(0, part.start - width), part.stop + width) for part, width in zip(found, margin, strict=True)
    )
    inside, values = region[near], grey[near]
    around = ndimage.maximum_filter(inside.view(np.uint8), size=tuple(2 * margin + 1)).astype(bool) & ~inside
    if not around.any():
        return np.nan
    return float(abs(values[inside].mean(dtype=np.float64) - values[around].mean(dtype=np.float64)))
