"""Opens the files of one image of a data list and says what is wrong with them."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from htl_monai.data.images.decoding import LARGE_PIXELS, is_wide, large_alone, open_picture
from htl_monai.data.images.pictures import read_image
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item

# What no training can use; every other kind is a note.
FATAL = frozenset(
    "duplicate_id empty_mask image_not_8_bit image_not_finite image_without_mask mask_not_8_bit mask_not_finite "
    "missing_image size_mismatch unreadable_image unreadable_mask".split()
)
# The threshold at which the bundle's transforms cut masks of 0..255.
FOREGROUND_ABOVE = 127
REMEDIES = {"image": "scale it to 0 to 255 and write it with 8 bits", "mask": "write it with 8 bits, 0 and 255"}


Findings = dict[str, str]
"""What was noticed about a file: the words for a person by its kind."""


def has_mask(item: Item) -> bool:
    """Tell whether an item's label is a mask, and not a vector of classes or nothing."""
    return isinstance(item.get("label"), str)


def examine(item: Item) -> tuple[Findings, str | None]:
    """Decode an item's image, and its mask where the label is one, and list what is wrong with them.

    Returns:
        the findings, and the SHA-256 of the image file (None where it cannot be read). Kinds: ``missing_image``,
        ``unreadable_image``, ``unreadable_mask``, ``size_mismatch``, ``empty_mask``, ``image_not_finite`` and
        ``mask_not_finite`` (NaN or infinity), ``image_not_8_bit`` (values below 0 or above 255, which are cut off) and
        ``mask_not_8_bit`` (more than two values of more than 8 bits) make an image unusable;
        ``full_mask``, ``mask_not_binary`` and ``image_not_rgb`` are notes: a mask is foreground where it is above 127,
        and loading converts images to RGB.
    """
    path = Path(item["image"])
    if not os.path.isfile(path):
        return {"missing_image": f"{path} is not there"}, None
    findings, mode, size, digest = Findings(), None, None, None
    as_it_is = isinstance(item.get("label"), list)  # classifiers of several findings take grey and any values
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        # Trainings on masks read their pictures by Pillow alone.
        if path.suffix.lower() == ".dcm" and not has_mask(item):
            mode, size = "RGB", read_image(path, LARGE_PIXELS)[1]
        else:
            with _decoded(content) as image:
                mode, size = image.mode, image.size
                findings |= {} if as_it_is else _beyond_8_bits(image, path, "image")
    except Exception as error:  # a decoder may raise anything on damaged bytes
        findings["unreadable_image"] = f"{path}: {_in_words(error)}"
    if mode not in (None, "RGB") and not as_it_is:
        findings["image_not_rgb"] = f"{path} has mode {mode}; it is converted to RGB"
    if has_mask(item):
        findings |= _examine_mask(Path(item["label"]), size)
    return findings, digest


def examine_all(items: Sequence[Item], progress: bool = False) -> Iterator[tuple[Findings, str | None]]:
    """Examine items on some threads, in order; at most a few images are in memory at once."""
    yield from on_threads(examine, items, "checking images", progress)


def find_unusable(datalist: Sequence[Item], progress: bool = False) -> dict[str, str]:
    """Name the images that a training cannot use, so that a run can leave them out and say so.

    Returns:
        the reason by id: image missing, unreadable or with values that would be cut off; mask unreadable, empty, or of
        another size than the image. Images without mask are not named.
    """
    found = {}
    for item, (findings, _) in zip(datalist, examine_all(datalist, progress), strict=True):
        fatal = [f"{kind.replace('_', ' ')}: {detail}" for kind, detail in findings.items() if kind in FATAL]
        if fatal:
            found[item["id"]] = "; ".join(fatal)
    return found


@contextmanager
def _decoded(content: bytes) -> Iterator[Image.Image]:
    # verify() checks a PNG's checksums, load() finds a truncated JPEG; an image can't be loaded after verify().
    with open_picture(io.BytesIO(content)) as image:
        image.verify()
    with open_picture(io.BytesIO(content)) as image, large_alone(image):
        image.load()
        yield image


def _examine_mask(path: Path, image_size: tuple[int, int] | None) -> Findings:
    try:
        with _decoded(path.read_bytes()) as mask:
            size, wide, counts = mask.size, _beyond_8_bits(mask, path, "mask"), mask.convert("L").histogram()
    except Exception as error:
        return {"unreadable_mask": f"{path}: {_in_words(error)}"}
    findings = Findings()
    if image_size is not None and size != image_size:
        shapes = f"{size[1]}×{size[0]}, the image {image_size[1]}×{image_size[0]} (height×width)"
        findings["size_mismatch"] = f"{path} is {shapes}"
    if wide:
        return findings | wide
    values = [value for value, count in enumerate(counts) if count]
    if values[-1] <= FOREGROUND_ABOVE:
        remedy = "" if values[-1] == 0 else f"; foreground is above {FOREGROUND_ABOVE}, so write it as 255"
        findings["empty_mask"] = f"{path} is {values[-1]} at most{remedy}"
    elif values[0] > FOREGROUND_ABOVE:
        findings["full_mask"] = f"{path} is foreground everywhere"
    if len(values) > 2:
        findings["mask_not_binary"] = f"{path} has {len(values)} values; those above {FOREGROUND_ABOVE} are foreground"
    return findings


def _beyond_8_bits(picture: Image.Image, path: Path, what: str) -> Findings:
    """Tell what 8 bits would hide: NaN becomes black or background, and other values are cut off."""
    if not is_wide(picture):
        return {}
    values = np.asarray(picture)
    lost = int((~np.isfinite(values)).sum())
    if lost:
        detail = f"{path} has NaN or infinity in {lost} of {values.size} pixels; {REMEDIES[what]}"
        return {f"{what}_not_finite": detail}
    least, most = values.min(), values.max()
    if what == "image":
        fits, named = least >= 0 and most <= 255, "values"
    else:
        count = len(np.unique(values))
        fits, named = count <= 2, f"{count} values,"
    detail = f"{path} has {named} from {least:g} to {most:g}; {REMEDIES[what]}"
    return {} if fits else {f"{what}_not_8_bit": detail}


def _in_words(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no PNG, JPEG, TIFF or BMP"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
