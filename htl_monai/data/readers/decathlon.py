"""Data lists of others: MONAI's and the Medical Segmentation Decathlon's JSON lists, and the raw folders of nnU-Net."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from htl_monai.data.readers.columns import split_name
from htl_monai.data.readers.listing import (
    IMAGE_KEYS,
    LABEL_KEYS,
    SPLITS,
    UNLABELLED,
    Datalists,
    Item,
    settle,
)
from htl_monai.data.readers.prepared_list import check_items

_NAMES = ("dataset.json", "datalist.json")
_CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})(?P<ending>\.[A-Za-z0-9.]+)")
_REMEDY = "correct the list"


def find_decathlon(folder: Path) -> Path | None:
    """Return a folder's JSON list, where it has one of a usual name."""
    return next((folder / name for name in _NAMES if (folder / name).is_file()), None)


def is_decathlon(content: Mapping[str, Any]) -> bool:
    """Tell a JSON list of others from one that this package prepared: whose images have an ``id`` and a full path."""
    lists = [value for key, value in content.items() if _is_split(key) and isinstance(value, list)]
    items = [item for items in lists for item in items]
    return bool(lists) and not (content.keys() >= {*SPLITS} and all(map(_is_prepared, items)))


def read_decathlon(content: Mapping[str, Any], path: Path, on_missing: str = "raise") -> Datalists:
    """Return a JSON list whose paths are relative to its folder; an image's path from there is its ``id``.

    Args:
        content: of the file ``path``: ``training``, ``validation``, ``test`` (or ``train``, ``val``), each of objects
            with ``image`` (a path, or one for each channel) and ``label`` (a path, a class or a list of numbers), or of
            paths alone. What else an image has is metadata; what else the file has describes the data set.
        on_missing: what to do with a file that is not there, see ``read_csv``; labels may be missing.

    Raises:
        ValueError: an image is none, or a file is missing.
    """
    datalists = Datalists()
    for key, items in content.items():
        if _is_split(key):
            where = f"{key} of {path}"
            if not isinstance(items, list):
                raise ValueError(f"{where} must be a list of images, got {type(items).__name__}; {_REMEDY}")
            found = [_item(item, path.parent, f"number {n} in {where}") for n, item in enumerate(items, start=1)]
            check_items([item | {"image": item["id"]} for item in found], where, _REMEDY)
            datalists[split_name(key, str(path))] += found
    return settle(datalists, path, on_missing, unique_ids=True)


def has_nnunet_layout(folder: Path) -> bool:
    """Tell whether a folder holds raw data of nnU-Net: ``imagesTr`` with a file for each channel of a case."""
    images = folder / "imagesTr"
    return images.is_dir() and any(_CHANNEL.fullmatch(path.name) for path in images.iterdir())


def read_nnunet(folder: Path, on_missing: str = "raise") -> Datalists:
    """List the cases of ``imagesTr`` as ``training`` and of ``imagesTs`` as ``test``, by their names as ids.

    The files ``case_0000.nii.gz``, ``case_0001.nii.gz``, … are the channels of one image; ``labelsTr/case.nii.gz`` is
    its label.
    """
    datalists = Datalists()
    for split, part in (("training", "Tr"), ("test", "Ts")):
        cases: dict[tuple[str, str], list[str]] = {}
        images = folder / f"images{part}"
        for path in sorted(images.iterdir()) if images.is_dir() else ():
            match = _CHANNEL.fullmatch(path.name)
            if match is not None and not path.name.startswith("."):
                cases.setdefault((match["case"], match["ending"]), []).append(str(path))
        for (case, ending), channels in cases.items():
            item: Item = {"id": case, "image": channels[0] if len(channels) == 1 else channels}
            label = folder / f"labels{part}" / (case + ending)
            datalists[split].append(item | ({"label": str(label)} if label.is_file() else {}))
    return settle(datalists, folder, on_missing, unique_ids=True)


def _is_split(key: str) -> bool:
    try:
        return split_name(key, "") != UNLABELLED
    except ValueError:
        return False


def _is_prepared(item: Any) -> bool:
    image = item.get("image") if isinstance(item, Mapping) and "id" in item else ""
    return not isinstance(image, str) or os.path.isabs(image)


def _item(item: Any, root: Path, where: str) -> Item:
    item = {"image": item} if isinstance(item, str) else dict(item) if isinstance(item, Mapping) else {}
    names = [next((key for key in keys if key in item), None) for keys in (IMAGE_KEYS, LABEL_KEYS)]
    image, label = (None if name is None else item.pop(name) for name in names)
    channels: list[Any] = image if isinstance(image, list) else [image]
    if not channels or not all(isinstance(path, str) and path for path in channels):
        raise ValueError(f"image of {where} must be a path or a list of them, got {image!r:.80}; {_REMEDY}")
    paths = [os.path.normpath(root / path) for path in channels]
    found: Item = {"id": _id(paths[0], root), **item, "image": paths[0] if len(paths) == 1 else paths}
    found["id"] = str(found["id"])
    if label is not None:
        path = os.path.normpath(root / label) if isinstance(label, str) else ""
        found["label"] = path if os.path.isfile(path) else label
    return found


def _id(path: str, root: Path) -> str:
    inside = Path(path).is_relative_to(os.path.normpath(root))
    return Path(path).relative_to(os.path.normpath(root)).as_posix() if inside else Path(path).as_posix()
