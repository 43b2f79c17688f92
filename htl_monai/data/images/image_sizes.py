"""How large the images of a data list are, read from their headers alone."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item


def image_sizes(items: Sequence[Item]) -> dict[str, tuple[int, int]]:
    """Return width and height in pixels of each item's ``image``, by ``id``; no pixel is decoded.

    Raises:
        FileNotFoundError: an image is not there.
        PIL.UnidentifiedImageError: an image is none that PIL reads.
    """
    sizes = on_threads(_size, items, "reading sizes", progress=False)
    return {item["id"]: size for item, size in zip(items, sizes, strict=True)}


def _size(item: Item) -> tuple[int, int]:
    with Image.open(item["image"]) as image:
        return image.size
