"""Looks once at the picture of a case: its thumbnail, and what is simple to measure of it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any, cast

import nibabel as nib
import numpy as np
from monai.transforms import LoadImage
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray
from PIL import Image

from htl_monai.analysis.picture_properties import picture_properties
from htl_monai.data.images.decoding import LARGE_PIXELS
from htl_monai.data.images.pictures import is_picture, read_image, spread, to_uint8
from htl_monai.data.readers.listing import Item
from htl_monai.report.pictures.display import CUT
from htl_monai.report.pictures.grids import as_seen

__all__ = ["READ_PIXELS", "TILE", "Glance", "glance"]

TILE = 64
# Pictures are measured at this long side: what blur and contrast mean depends on it.
_SIDE = 256
READ_PIXELS = 2 * _SIDE**2
_VOXELS = 2**23
_ONE_VOLUME = threading.Lock()


@dataclass(frozen=True)
class Glance:
    """What is seen at a glance.

    Args:
        picture: within ``TILE`` by ``TILE`` pixels; of a volume the middle slice.
        properties: see :func:`~htl_monai.analysis.picture_properties.picture_properties`; of a picture of more than
            256 pixels a side at that size, of a volume of more than 8 million voxels at every n-th.
    """

    picture: Image.Image
    properties: dict[str, float]


def glance(item: Item) -> Glance:
    """Read the picture of a case, of several files the first one, and its mask.

    Raises:
        OSError: there is no such file.
        ValueError: it cannot be read.
    """
    path = str(item[Keys.IMAGE][0] if isinstance(item[Keys.IMAGE], list) else item[Keys.IMAGE])
    if not os.path.exists(path):
        raise FileNotFoundError(f"image must be there, got no file {path}; add it")
    label = item.get(Keys.LABEL)
    mask = label if isinstance(label, str) and os.path.isfile(label) else None
    if _is_volume(path) or not is_picture(path):
        with _ONE_VOLUME:  # however many threads there are: one may take all the memory
            return _of_volume(path, mask)
    return _of_picture(path, mask)


def _of_picture(path: str, mask: str | None) -> Glance:
    picture, whole = read_image(path, READ_PIXELS, CUT)
    picture.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
    region = None if mask is None else _region(mask, picture.size)
    factor = max(whole) / max(picture.size)
    spacing = _spacing(path)
    pixels = np.moveaxis(np.asarray(picture), -1, 0)
    found = picture_properties(pixels, region, spacing and [factor * side for side in spacing])
    picture.thumbnail((TILE, TILE))
    return Glance(picture, found | {"spacing_mm": found["spacing_mm"] / factor})


def _region(path: str, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Return the foreground ``(1, H, W)`` of a mask; None where it is of another shape than the picture."""
    mask, (width, height) = read_image(path, LARGE_PIXELS)
    if abs(width * size[1] - height * size[0]) > max(width, height, *size):
        return None
    values = np.asarray(mask.resize(size, Image.Resampling.NEAREST).convert("L"))
    return np.asarray(values > (127 if values.max() > 127 else 0))[None]  # 0 and 255, or numbers of classes


def _spacing(path: str) -> list[float] | None:
    """Return the spacing along height and width, which photographs do not have."""
    if not path.lower().endswith((".nii", ".nii.gz")):
        return None
    across, down = cast("nib.Nifti1Image", nib.load(path)).header.get_zooms()[:2]
    return [float(down), float(across)] if min(across, down) > 0 else None


def _of_volume(path: str, mask: str | None) -> Glance:
    values, affine = _volume(path)
    step = max(1, round((values[0].size / _VOXELS) ** (1 / 3)))
    thinned: Any = (slice(None), *[slice(None, None, step)] * (values.ndim - 1))
    region = None if mask is None else _volume(mask)[0]
    fits = region is not None and region.shape[1:] == values.shape[1:]
    spacing = np.linalg.norm(affine[:3, : values.ndim - 1], axis=0)
    usable = bool(np.isfinite(spacing).all() and (spacing > 0).all())
    found = picture_properties(
        values[thinned],
        region[thinned] if region is not None and fits else None,
        [float(step * side) for side in spacing] if usable else None,
    )
    seen = as_seen(values[0], affine)[0] if values.ndim == 4 else values[0]
    middle = seen[:, :, seen.shape[2] // 2] if seen.ndim == 3 else seen
    picture = Image.fromarray(np.ascontiguousarray(to_uint8(middle, spread(middle, CUT)).T)).convert("RGB")
    picture.thumbnail((TILE, TILE))
    return Glance(picture, found | {"spacing_mm": found["spacing_mm"] / step})


def _volume(path: str) -> tuple[NDArray[Any], NDArray[np.float64]]:
    image = LoadImage(image_only=True, ensure_channel_first=True)(path)
    return image.numpy(), image.affine.numpy()


def _is_volume(path: str) -> bool:
    """Tell from the header of a NIfTI file whether it holds more than one slice; False of any other file."""
    if not path.lower().endswith((".nii", ".nii.gz")):
        return False
    shape = cast("nib.Nifti1Image", nib.load(path)).shape
    return len(shape) > 2 and shape[2] > 1 and shape[2:] != (3,)
