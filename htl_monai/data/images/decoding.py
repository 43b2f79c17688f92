"""Decodes pictures within bounds: known formats, at most so many pixels, large ones at a reduced size where asked."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import IO

from PIL import ExifTags, Image, ImageOps

MAX_PIXELS = 89_478_485
"""Pillow's own threshold of a decompression bomb: 1 GiB / 4 bytes / 3 channels."""
LARGE_PIXELS = 2**24
"""Pictures of more pixels are read at a reduced size where a small one is all that is needed."""
# Pillow would open more, some of them by running other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_LARGE = threading.Lock()
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def check_pixels(*shape: int, bytes_per_pixel: int = 3) -> None:
    """Refuse an empty picture, and one that takes more memory than ``MAX_PIXELS`` pixels in RGB, by a ValueError."""
    limit = 3 * MAX_PIXELS // max(3, bytes_per_pixel)
    if min(shape) < 1 or math.prod(int(n) for n in shape) > limit:
        raise ValueError(f"its size {tuple(shape)} is outside 1 to {limit} pixels")


def open_picture(file: str | os.PathLike[str] | IO[bytes]) -> Image.Image:
    """Open a picture without decoding it.

    Raises:
        OSError: it is damaged or of no known format.
        ValueError: it is too large.
    """
    image = Image.open(file, formats=FORMATS)
    try:
        check_pixels(image.height, image.width, bytes_per_pixel=4 if image.mode in ("I", "F") else 3)
    except ValueError:
        image.close()
        raise
    return image


def is_wide(image: Image.Image) -> bool:
    """Tell whether a picture has more than 8 bits: Pillow's modes of 32 bits, and I;16, I;16B, …"""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


@contextmanager
def large_alone(image: Image.Image) -> Iterator[None]:
    """Let one large picture at a time be decoded inside a ``with`` block, however many threads there are."""
    with _LARGE if image.width * image.height > LARGE_PIXELS else nullcontext():
        yield


def reduction(width: int, height: int, max_pixels: int | None) -> int:
    """Return the least whole number to divide both sides by, so that at most ``max_pixels`` remain; None leaves all.

    Example:
        >>> reduction(4000, 3000, 12_000_000), reduction(4000, 3000, 11_999_999), reduction(9, 9, None)
        (1, 2, 1)
    """
    return 1 if max_pixels is None else max(1, math.ceil(math.sqrt(width * height / max_pixels)))


def upright(image: Image.Image, max_pixels: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an opened picture and turn it as its EXIF orientation says.

    A large JPEG is decoded at a half, a quarter or an eighth of its size, if that leaves at least ``max_pixels`` or
    comes near; other formats have to be decoded whole.

    Returns:
        the picture, which is changed, and its whole width and height.
    """
    width, height = image.size
    factor = reduction(width, height, max_pixels)
    drafted = factor > 1 and image.format in ("JPEG", "MPO")
    if drafted:
        image.draft(None, (width // factor, height // factor))
        if image.getexif().get(ExifTags.Base.Orientation) in _TURNED:
            width, height = height, width
    ImageOps.exif_transpose(image, in_place=True)
    return image, (width, height) if drafted else image.size


def reduced(image: Image.Image, max_pixels: int | None) -> Image.Image:
    """Return an 8-bit picture (no palette) of at most ``max_pixels``, averaging blocks, channel by channel."""
    factor = reduction(*image.size, max_pixels)
    if factor == 1:
        return image
    # One channel at a time takes less memory.
    return Image.merge(image.mode, [image.getchannel(band).reduce(factor) for band in image.getbands()])
