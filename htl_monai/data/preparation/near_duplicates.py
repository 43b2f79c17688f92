"""Finds pictures that are copies of one another although their files differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from htl_monai.data.images.decoding import LARGE_PIXELS, large_alone, open_picture
from htl_monai.data.images.pictures import read_image
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item

MAX_DISTANCE = 40
HASH_SIDE = 16
BITS = HASH_SIDE**2
# imagehash works on a square of four times the side of the hash.
SQUARE_PX = 4 * HASH_SIDE
BLOCK = 2048


def near_duplicates(
    items: Sequence[Item], others: Sequence[Item], max_distance: int = MAX_DISTANCE, progress: bool = False
) -> pd.DataFrame:
    """Find the images that show the same picture as one of another list, by perceptual hash.

    An image that a network is tested on must not be among those that it learns from, not as a copy of another size,
    compression or colour, mirrored or turned by quarters either. Each picture is described by 256 bits (``phash``); the
    distance of two is the number of bits that differ, at the best of the eight ways to lay one on the other.

    The default was chosen by looking at pairs. Copies of 300 images of ISIC-2018 in another size or compression differ
    by at most 28 bits. ISIC-2017's test split holds copies of its training images, most of them recoloured: 13 at 0 to
    42 bits; the first pair of unlike lesions comes at 44. The common 64 bits do not tell such pictures of one dark spot
    apart. Another photograph of the same lesion is mostly as far as any picture: only the name of the lesion tells.

    Returns:
        one row per pair of which at most ``max_distance`` bits differ: ``id``, ``other_id``, ``distance``, the nearest
        first. A file that cannot be opened is no duplicate of anything.

    Raises:
        ValueError: ``max_distance`` is outside 0 to 256.
    """
    if not 0 <= max_distance <= BITS:
        raise ValueError(f"max_distance must be in 0 to {BITS} bits, got {max_distance}; {MAX_DISTANCE} is the default")
    ids, hashes = _hash_all(items, turned=False, progress=progress)
    other_ids, turned = _hash_all(others, turned=True, progress=progress)
    rows = []
    for start in range(0, len(ids) if other_ids else 0, BLOCK):
        distance = _distances(hashes[start : start + BLOCK, 0], turned)
        for number, other in np.argwhere(distance <= max_distance):
            rows.append((ids[start + number], other_ids[other], int(distance[number, other])))
    table = pd.DataFrame(rows, columns=["id", "other_id", "distance"])
    return table.sort_values("distance", kind="stable", ignore_index=True)


def _hash_all(items: Sequence[Item], turned: bool, progress: bool) -> tuple[list[str], np.ndarray]:
    """Return ids and bits ``(N, S, 256)`` as -1 and 1, of S = 1 or 8 ways to lay the picture."""
    found = list(on_threads(partial(_hash, turned=turned), items, "comparing images", progress))
    ids = [item["id"] for item, bits in zip(items, found, strict=True) if bits is not None]
    return ids, np.array([bits for bits in found if bits is not None], dtype=np.float32)


def _hash(item: Item, turned: bool) -> np.ndarray | None:
    try:
        with open_picture(item["image"]) as file, large_alone(file):
            large = file.width * file.height > LARGE_PIXELS
            picture = read_image(item["image"], LARGE_PIXELS)[0] if large else file.convert("RGB")
            square = picture.convert("L").resize((SQUARE_PX, SQUARE_PX), Image.Resampling.LANCZOS)
    except Exception:  # a decoder may raise anything on damaged bytes
        return None
    ways = [square, *(square.transpose(way) for way in Image.Transpose)] if turned else [square]
    bits = np.stack([imagehash.phash(way, hash_size=HASH_SIDE).hash.ravel() for way in ways])
    return np.where(bits, 1, -1).astype(np.int8)


def _distances(hashes: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Count the bits that differ: of -1 and 1, the product is 256 less twice that; exact in float32."""
    product = np.full((len(hashes), len(turned)), -BITS, dtype=np.float32)
    for way in range(turned.shape[1]):
        np.maximum(product, hashes @ turned[:, way].T, out=product)
    return ((BITS - product) / 2).astype(int)
