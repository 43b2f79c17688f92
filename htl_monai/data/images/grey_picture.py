"""Reads one picture as one grey channel of the size that a network takes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags

from htl_monai.data.images.decoding import LARGE_PIXELS, open_picture
from htl_monai.data.images.pictures import read_image

_PLAIN = (".png", ".jpg", ".jpeg")


def read_grey(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture of any format that :func:`~htl_monai.data.images.pictures.read_image` reads, as grey.

    Colour becomes luma (ITU-R 601). 8-bit grey PNG and JPEG, which most chest X-rays are, go the short way to the same
    values.

    Returns:
        ``(H, W)`` uint8; of a picture of more than ``LARGE_PIXELS``, which no network takes, at a reduced size.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, too large or holds no single picture; the message names it.
    """
    path = Path(path)
    plain = _plain_grey(path) if path.suffix.lower() in _PLAIN else None
    if plain is not None:
        return plain
    return np.asarray(read_image(path, LARGE_PIXELS)[0].convert("L"))


def resized_by_area(picture: NDArray[np.uint8], spatial_size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a grey picture by averaging areas, as MONAI's ``Resize(mode="area")``, rounded to whole grey values.

    The aspect ratio is not kept; a picture ``(H, W)`` that has the size already is returned as it is.

    Example:
        >>> resized_by_area(np.array([[0, 10, 4, 4], [20, 30, 4, 5]], dtype=np.uint8), (1, 2)).tolist()
        [[15, 4]]
    """
    if picture.shape == tuple(spatial_size):
        return picture
    grey = torch.from_numpy(picture.astype(np.float32))[None, None]
    resized: NDArray[np.float32] = torch.nn.functional.interpolate(grey, spatial_size, mode="area")[0, 0].numpy()
    return np.rint(resized).astype(np.uint8)


def _plain_grey(path: Path) -> NDArray[np.uint8] | None:
    """Return an upright 8-bit grey picture, None where it is no such or cannot be read this way."""
    try:
        with open_picture(path) as image:
            upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
            small = image.width * image.height <= LARGE_PIXELS
            single = getattr(image, "n_frames", 1) == 1
            return np.asarray(image) if image.mode == "L" and upright and small and single else None
    except Exception:  # damaged bytes: read_picture names what is wrong
        return None
