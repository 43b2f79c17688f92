"""Pseudo-labels: masks that a network drew for images without one, as files, and the table of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from htl_monai.data.files import read_table, sha256, write_atomically
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item, name_first
from htl_monai.localization.boxes import Box, mask_to_box

__all__ = [
    "pseudo_label_path",
    "pseudo_label_table",
    "read_pseudo_labels",
    "share_of_process",
    "sure_enough",
    "without_pseudo_label",
    "write_pseudo_label",
]

COLUMNS = ("id", "label", "confidence", "area_px", *Box._fields)
_CONFIDENCE, _NETWORK = "confidence", "network_sha256"


def share_of_process(data: Sequence[Item]) -> Sequence[Item]:
    """Return every so many-th image, so that several processes share them out; all of them to a process alone."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return data
    return data[torch.distributed.get_rank() :: torch.distributed.get_world_size()]


def pseudo_label_path(folder: str | os.PathLike[str], id_: str) -> Path:
    """Return ``folder/masks/<id>.png``; characters that no file name can have are written as ``%XX``."""
    return Path(folder) / "masks" / f"{quote(id_, safe=' ')}.png"


def write_pseudo_label(
    path: str | os.PathLike[str], mask: NDArray[np.bool_], confidence: float, network_sha256: str
) -> Path:
    """Write a mask ``(H, W)``, of the size of the original image, as PNG of 0 and 255, atomically.

    In its text chunks stand the mean foreground probability over it (0 for an empty one), and which weights drew it.
    """
    notes = PngInfo()
    notes.add_text(_CONFIDENCE, f"{confidence:.6f}")
    notes.add_text(_NETWORK, network_sha256)
    picture = Image.fromarray(np.asarray(mask, dtype=np.uint8) * np.uint8(255))
    return write_atomically(path, lambda temporary: picture.save(temporary, pnginfo=notes))


def without_pseudo_label(
    data: Sequence[Item], folder: str | os.PathLike[str], weights_path: str | os.PathLike[str]
) -> list[Item]:
    """Return the images that still need a pseudo-label, so that an interrupted pass goes on.

    A mask is whole because it was moved into place; one that is damaged nevertheless, or that other weights drew, is
    made again. ``folder`` is that above ``masks``; it need not be there.

    Raises:
        FileNotFoundError: the weights are not there.
    """
    if not Path(weights_path).is_file():
        raise FileNotFoundError(f"checkpoint {weights_path} does not exist; run the stage training or correct the path")
    network = sha256(weights_path)
    drawn = on_threads(
        lambda item: _is_drawn_by(pseudo_label_path(folder, item["id"]), network), data, "looking", progress=False
    )
    return [dict(item) for item, done in zip(data, drawn, strict=True) if not done]


def pseudo_label_table(data: Sequence[Mapping[str, Any]], folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Describe the pseudo-labels of a data list, in its order, from their files in the folder above ``masks``.

    Returns:
        ``id``, ``label`` (path from ``folder``), ``confidence`` in [0, 1], ``area_px``, and the box of
        the largest region in pixels of the original image (``x_min``, ``y_min``, ``x_max``, ``y_max``, half-open;
        missing where the mask is empty).

    Raises:
        FileNotFoundError: an image has no mask there; the first is named.
    """
    missing = [item["id"] for item in data if not pseudo_label_path(folder, item["id"]).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} must hold a mask for every image, got none for {len(missing)} ({name_first(missing)}); "
            "run the stage pseudo_labelling again, it makes those that are missing"
        )
    rows = on_threads(lambda item: _row(Path(folder), item["id"]), data, "reading pseudo-labels", progress=False)
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    return table.astype({"area_px": "int64"} | dict.fromkeys(Box._fields, "Int64"))


def read_pseudo_labels(data: Sequence[Item], path: str | os.PathLike[str]) -> list[Item]:
    """Return every image of a data list with its pseudo-label: ``label`` (absolute path) and ``confidence``.

    An empty pseudo-label is one whose confidence is 0. ``path`` is that of ``pseudo_labels.csv``.

    Raises:
        FileNotFoundError: there is no such table, or a mask that it names is not there.
        ValueError: the table lacks an image, or a column.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"pseudo-labels {path} do not exist; run the stage pseudo_labelling or correct it")
    table = read_table(path, text=("id", "label"))
    if lacking := [name for name in ("id", "label", _CONFIDENCE) if name not in table]:
        raise ValueError(f"{path} must have the columns {lacking}, got {list(table.columns)}; make it anew")
    found = {id_: (label, sure) for id_, label, sure in table[["id", "label", _CONFIDENCE]].to_numpy()}
    unknown = [item["id"] for item in data if item["id"] not in found]
    if unknown:
        raise ValueError(
            f"{path} must have every unlabelled image, got none for {len(unknown)} ({name_first(unknown)}); "
            "run the stage pseudo_labelling on this data"
        )
    folder, items = Path(path).absolute().parent, []
    for item in data:
        label, sure = found[item["id"]]
        items.append({**item, "label": str(folder / label), _CONFIDENCE: float(sure)})
    lost = [item["id"] for item in items if not Path(item["label"]).is_file()]
    if lost:
        raise FileNotFoundError(
            f"{path} must name masks that are there, got {len(lost)} that are not ({name_first(lost)}); delete the "
            "table and run again, only the missing ones are made"
        )
    return items


def sure_enough(items: Sequence[Item], min_confidence: float = 0.0) -> list[Item]:
    """Return the images whose pseudo-label can be trained on: not empty, and at least as sure as ``min_confidence``.

    Raises:
        ValueError: ``min_confidence`` lies outside [0, 1].
    """
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must be in [0, 1], got {min_confidence}; 0.8 is the default")
    return [item for item in items if item[_CONFIDENCE] > 0 and item[_CONFIDENCE] >= min_confidence]


def _is_drawn_by(path: Path, network_sha256: str) -> bool:
    try:
        with Image.open(path) as mask:
            float(mask.info[_CONFIDENCE])
            made_by = mask.info[_NETWORK]
            mask.verify()
        return bool(made_by == network_sha256)
    except (OSError, SyntaxError, KeyError, ValueError):  # not there, or damaged
        return False


def _row(folder: Path, id_: str) -> tuple[Any, ...]:
    path = pseudo_label_path(folder, id_)
    with Image.open(path) as picture:
        confidence, mask = float(picture.info[_CONFIDENCE]), np.asarray(picture) > 0
    box = mask_to_box(mask) or (None,) * len(Box._fields)
    return id_, path.relative_to(folder).as_posix(), confidence, int(mask.sum()), *box
