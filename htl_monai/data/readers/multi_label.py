"""Data lists whose labels are vectors: one 0 or 1 a class, or None where nobody knows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.data.preparation.splitting import deal_out
from htl_monai.data.readers.columns import check_columns, split_name, with_subject
from htl_monai.data.readers.datalists import read_prepared
from htl_monai.data.readers.label_columns import class_columns, label_matrix, labelled_items
from htl_monai.data.readers.listing import (
    LISTS,
    SPLITS,
    UNLABELLED,
    Datalists,
    Item,
    check_on_missing,
    name_first,
    require_unique_ids,
    settle_missing,
)
from htl_monai.data.readers.long_tail import has_long_tail_layout, read_long_tail
from htl_monai.data.readers.text_table import read_text_table

__all__ = ["MultiLabelData", "label_matrix", "load_multi_label"]

OURS = ("id", "image", "split", "subject")

Say = Callable[[str], None]


@dataclass(frozen=True)
class MultiLabelData:
    """A multi-label data set.

    Args:
        classes: the names of the ``C`` classes, in the order of the label vectors.
        datalists: ``training``, ``validation``, ``test`` and ``unlabelled``; each item has ``id``, ``image``, ``label``
            (a list of ``C`` values 0.0, 1.0 or None; not in ``unlabelled``), ``subject`` and other metadata.
    """

    classes: list[str]
    datalists: Datalists


def load_multi_label(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
) -> MultiLabelData:
    """Read a multi-label data set: NIH-CXR-LT, MIMIC-CXR-LT, any CSV file, or a prepared ``data.json``.

    Args:
        dataset_dir: a folder with the published label files (see
            :func:`~htl_monai.data.readers.long_tail.read_long_tail`); a ``.csv`` file or a folder with ``data.csv``,
            one row an image; or a ``.json`` file that the stage preparing wrote. ``data.csv`` goes before label files.
        columns: our names to the CSV file's: ``id`` (without it the path of the image is the id), ``image`` (required,
            relative to the file), ``split`` (without it the images are split by subject, see
            :func:`~htl_monai.data.preparation.splitting.deal_out`, each finding as evenly as it goes) and ``subject``
            (also called ``patient_id`` and the like); and ``classes``, a list of the columns that are classes
            (otherwise told by their values, see :func:`~htl_monai.data.readers.label_columns.class_columns`). For
            published label files, ``classes`` and ``images``.
        on_missing: what to do with an image that is not there: ``raise``; ``skip``, with a warning; or ``keep``. The
            files of a prepared ``data.json`` are not looked for.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.
        say: told in one line how the images were split, where the file does not say.

    Returns:
        the classes and the data lists.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        KeyError: a column that is required or named is not there.
        ValueError: there is no class, a label is none of 0, 1, -1 and unknown, an id is empty or repeated, a split has
            another name, an image is missing, or the ``data.json`` is of another setting.
    """
    check_on_missing(on_missing)
    path = Path(dataset_dir).absolute()
    if path.suffix.lower() == ".json":
        return _prepared(path)
    if path.suffix.lower() == ".csv" or (path / "data.csv").is_file():
        table = path if path.suffix.lower() == ".csv" else path / "data.csv"
        return _read_csv(table, check_columns(columns), on_missing, unique_ids, say)
    if path.is_dir() and has_long_tail_layout(path):
        return MultiLabelData(*read_long_tail(path, columns, on_missing, unique_ids))
    raise FileNotFoundError(
        "dataset_dir must be a .csv file, a folder with data.csv or a folder with the label files "
        f"miccai2023_*-cxr-lt_labels_{{train,val,test}}.csv, got {path} with none of these; correct the path"
    )


def _prepared(path: Path) -> MultiLabelData:
    classes, datalists = read_prepared(path)
    if classes is None:
        raise ValueError(
            f"data list {path} must name its classes, got none; it is of another setting, prepare a multi-label one"
        )
    for name in SPLITS:
        if datalists[name] and label_matrix(datalists[name]).shape[1] != len(classes):
            raise ValueError(
                f"data list {path} must have labels of {len(classes)} classes, got another number in {name}; "
                "prepare it again"
            )
    return MultiLabelData(classes, datalists)


def _read_csv(
    path: Path, columns: Mapping[str, Any], on_missing: str, unique_ids: bool, say: Say | None
) -> MultiLabelData:
    if not path.is_file():
        raise FileNotFoundError(f"dataset_dir must be a CSV file, got {path}, which is not there; check the path")
    table, wanted = read_text_table(path), columns.get("classes")
    table = table if "subject" in columns else with_subject(table)
    names = _our_columns(table, columns, path)
    ids = table[names.get("id", names["image"])].tolist()
    if not ids:
        raise ValueError(f"{path} must have a row for each image, got none below its header; add them")
    if empty := [str(number + 2) for number, id_ in enumerate(ids) if not id_]:
        raise ValueError(f"id must not be empty, got {len(empty)} empty in {path}, lines {name_first(empty)}; fill in")
    classes = class_columns(table, ids, tuple(names.values()), wanted)
    images = [str(path.parent / image) for image in table[names["image"]]]
    items = labelled_items(table, classes, ids, images, names.values(), names.get("subject"))
    datalists: Datalists = {name: [] for name in LISTS}
    if "split" in names:
        for item, split in zip(items, table[names["split"]], strict=True):
            datalists[split_name(split, item["id"])].append(item)
    else:
        datalists |= deal_out(items, str(path), say, _rarest_finding(items))
    for item in datalists[UNLABELLED]:
        del item["label"]
    if unique_ids:
        require_unique_ids(datalists)
    for name, part in datalists.items():
        missing = [item["id"] for item in part if not os.path.isfile(item["image"])]
        datalists[name] = settle_missing(part, missing, "image", str(path.parent), on_missing)
    return MultiLabelData(classes, datalists)


def _rarest_finding(items: Sequence[Item]) -> Callable[[Item], str]:
    """Return what tells the rarest finding of an image, so that a split gives each list some of the rare ones."""
    counts = np.nansum(label_matrix(items), axis=0)

    def stratum(item: Item) -> str:
        found = [number for number, value in enumerate(item["label"]) if value == 1]
        return str(min(found, key=lambda number: counts[number])) if found else "none"

    return stratum


def _our_columns(table: pd.DataFrame, columns: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return the file's name for each of ours that it has."""
    unknown = sorted(set(columns) - {*OURS, "classes"})
    if unknown:
        raise KeyError(f"columns may name {', '.join(OURS)} and classes, got {', '.join(unknown)}; correct them")
    names = {name: columns.get(name, name) for name in OURS}
    required = [names[name] for name in OURS if name == "image" or name in columns]
    lacking = [name for name in required if name not in table]
    if lacking:
        raise KeyError(f"{path} must have the columns {lacking}, got {list(table.columns)}; name yours in columns")
    return {ours: theirs for ours, theirs in names.items() if theirs in table}
