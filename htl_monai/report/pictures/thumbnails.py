"""Thumbnails of all cases, many in one sprite."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from monai.transforms import LoadImage
from monai.utils import CommonKeys as Keys
from PIL import Image

from htl_monai.data.images.pictures import is_picture, read_image, spread, to_uint8
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item
from htl_monai.report.pictures.display import CUT, encoded
from htl_monai.report.pictures.grids import as_seen

__all__ = ["PER_SPRITE", "TILE", "thumbnail", "write_sprites"]

TILE = 64
PER_SPRITE = 1024
# A picture is read at about this many pixels where its format allows that.
_READ_PIXELS = 2**16
_ONE_VOLUME = threading.Lock()


def thumbnail(item: Item) -> Image.Image:
    """Return the picture of a case within ``TILE`` by ``TILE`` pixels; of a volume the middle slice, of several files
    the first.

    Raises:
        OSError: there is no such file.
        ValueError: it cannot be read.
    """
    path = item[Keys.IMAGE][0] if isinstance(item[Keys.IMAGE], list) else item[Keys.IMAGE]
    picture = _middle(path) if _is_volume(path) or not is_picture(path) else read_image(path, _READ_PIXELS, CUT)[0]
    picture.thumbnail((TILE, TILE))
    return picture


def write_sprites(folder: Path, items: Sequence[Item], progress: bool = False) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the thumbnails of all cases; no more than one sprite and a few pictures are in memory.

    Returns:
        what is to be known of them: ``tile``, ``per_row``, ``per_sprite``, the names of the ``sprites``, and ``of``,
        the number of the tile of each case by its id, None where there is none; and why not, by id.
    """
    per_row = max(1, math.ceil(math.sqrt(min(len(items), PER_SPRITE))))
    of: dict[str, int | None] = {}
    faults: dict[str, str] = {}
    names: list[str] = []
    sprite = Image.new("RGBA", (1, 1))
    for number, found in enumerate(on_threads(_tile, items, "thumbnails", progress)):
        place = number % PER_SPRITE
        if place == 0:
            rows = math.ceil(min(PER_SPRITE, len(items) - number) / per_row)
            sprite = Image.new("RGBA", (per_row * TILE, rows * TILE))
        id_ = str(items[number]["id"])
        of[id_] = None if isinstance(found, str) else number
        if isinstance(found, str):
            faults[id_] = found
        else:
            left, top = (TILE - found.width) // 2, (TILE - found.height) // 2
            sprite.paste(found, (place % per_row * TILE + left, place // per_row * TILE + top))
        if place == PER_SPRITE - 1 or number == len(items) - 1:
            names.append(f"sprite_{len(names)}.webp")
            (folder / names[-1]).write_bytes(encoded(sprite))
    return {"tile": [TILE, TILE], "per_row": per_row, "per_sprite": PER_SPRITE, "sprites": names, "of": of}, faults


def _tile(item: Mapping[str, Any]) -> Image.Image | str:
    try:
        return thumbnail(dict(item))
    except Exception as error:  # readers of any format on files of anybody
        return " ".join(str(error).split())[:300] or type(error).__name__


def _is_volume(path: str) -> bool:
    """Tell from the header of a NIfTI file whether it holds more than one slice; False of any other file."""
    if not path.lower().endswith((".nii", ".nii.gz")):
        return False
    shape = cast("nib.Nifti1Image", nib.load(path)).shape
    return len(shape) > 2 and shape[2] > 1 and shape[2:] != (3,)


def _middle(path: str) -> Image.Image:
    """Return the middle slice, from above, of a volume of any format that MONAI reads."""
    with _ONE_VOLUME:
        image = LoadImage(image_only=True, ensure_channel_first=True)(path)
        values, affine = image[0].numpy(), image.affine.numpy()
    if values.ndim == 3:
        values = as_seen(values, affine)[0]
        values = values[:, :, values.shape[2] // 2]
    return Image.fromarray(np.ascontiguousarray(to_uint8(values, spread(values, CUT)).T)).convert("RGB")
