"""Data lists from the label files of NIH-CXR-LT and MIMIC-CXR-LT, as they are published."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.data.preparation.splitting import into_lists
from htl_monai.data.readers.columns import check_columns, with_subject
from htl_monai.data.readers.image_folders import find_images
from htl_monai.data.readers.label_columns import class_columns, labelled_items
from htl_monai.data.readers.listing import SPLITS, Datalists, check_on_missing, require_ids, settle
from htl_monai.data.readers.text_table import read_text_table

FILE = re.compile(r"miccai2023_(?P<data_set>.+)-cxr-lt_labels_(?P<split>train|val|test)\.csv")
FILE_SPLITS = dict(zip(SPLITS, ("train", "val", "test"), strict=True))
LABELS = "labels"
KEYS = ("id", "path")
# The truth of a drawn data set, see ``write_xray_phantom``; its columns become metadata.
PLANTED = "planted.csv"

Tables = dict[str, pd.DataFrame]


def has_long_tail_layout(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder, or its subfolder ``labels``, holds label files of a long-tailed data set."""
    return bool(_label_files(Path(folder)))


def read_long_tail(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
) -> Datalists:
    """List the images of ``miccai2023_{nih|mimic}-cxr-lt_labels_{train|val|test}.csv``; no image is opened.

    The classes are read from the files, see :func:`~htl_monai.data.readers.label_columns.class_columns`. The key is the
    column ``id`` (NIH, a file name) or ``path`` (MIMIC, a relative path) and stays as it is written, as every table's
    ``id``. A ``planted.csv`` beside the label files, as the X-ray phantom has it, adds ``hard`` and ``noisy``.

    The arguments are those of :func:`~htl_monai.data.readers.datalists.load_datalists`; ``columns`` may name
    ``classes``, a list of the classes to use (by default all), and ``images``, the folder of the images (by default
    that which holds most of them). Other columns are text.

    Raises:
        FileNotFoundError: one of the three files is not there.
        KeyError: a file has no key column, or ``columns`` names what is not there.
        ValueError: the files differ in their classes, two data sets lie in the folder, a label is none of 0, 1, -1 and
            unknown, an id is empty or repeated, or an image is missing.
    """
    check_on_missing(on_missing)
    root, columns = Path(dataset_dir).absolute(), check_columns(columns)
    unknown = sorted(set(columns) - {"classes", "images"})
    if unknown:
        raise KeyError(f"columns may name classes and images for {root}, got {', '.join(unknown)}; leave the rest out")
    tables = {split: read_text_table(path) for split, path in _three_files(root).items()}
    key = _key(tables, root)
    ids = [id_ for table in tables.values() for id_ in require_ids(table[key].tolist(), key, root)]
    whole = with_subject(pd.concat(tables.values(), ignore_index=True))
    classes = class_columns(whole, ids, (key,), columns.get("classes"))
    _require_same_columns(tables, classes, root)
    paths, place = find_images(root, ids, columns.get("images"))
    images = [path or str(place / id_) for path, id_ in zip(paths, ids, strict=True)]
    items = labelled_items(whole.drop(columns=[key]).assign(id=ids, image=images), classes)
    planted = _planted(root)
    for item in items:
        item |= planted.get(item["id"], {})
    splits = np.repeat(list(tables), [len(table) for table in tables.values()]).tolist()
    lost = {id_ for path, id_ in zip(paths, ids, strict=True) if path is None}
    return settle(Datalists(into_lists(items, splits), classes), place, on_missing, unique_ids, lost=lost)


def _label_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the path by data set and split."""
    found: dict[str, dict[str, Path]] = {}
    for place in (folder / LABELS, folder):
        for path in sorted(place.glob("miccai2023_*.csv")):
            if match := FILE.fullmatch(path.name):
                found.setdefault(match["data_set"], {})[match["split"]] = path
    return found


def _three_files(root: Path) -> dict[str, Path]:
    found = _label_files(root)
    if len(found) != 1:
        raise (ValueError if found else FileNotFoundError)(
            f"data must hold the label files miccai2023_*-cxr-lt_labels_{{train,val,test}}.csv of one data set, "
            f"got {' and '.join(found) or 'none'} in {root}; give a folder of one of them"
        )
    ((data_set, files),) = found.items()
    lacking = [part for part in FILE_SPLITS.values() if part not in files]
    if lacking:
        raise FileNotFoundError(
            f"{root} must hold the label files of train, val and test of {data_set}, got none of {', '.join(lacking)}; "
            "restore the published files"
        )
    return {split: files[part] for split, part in FILE_SPLITS.items()}


def _key(tables: Tables, root: Path) -> str:
    for key in KEYS:
        if all(key in table for table in tables.values()):
            return key
    shown = {FILE_SPLITS[split]: list(table.columns[:3]) for split, table in tables.items()}
    raise KeyError(f"the label files in {root} must all have the column id or path, got {shown}; restore the files")


def _require_same_columns(tables: Tables, classes: Sequence[str], root: Path) -> None:
    for split, table in tables.items():
        lacking = [name for name in classes if name not in table]
        if lacking:
            raise ValueError(
                f"the label files in {root} must have the same classes, got none of {', '.join(lacking)} in "
                f"{FILE_SPLITS[split]}; add the columns, or choose the classes with columns"
            )


def _planted(root: Path) -> dict[str, dict[str, Any]]:
    if not (root / PLANTED).is_file():
        return {}
    table = read_text_table(root / PLANTED)
    return {row["id"]: {name: int(row[name]) for name in ("hard", "noisy")} for row in table.to_dict("records")}
