"""Data lists from any CSV file whose columns can be named."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.data.preparation.splitting import diagnosis_of, into_lists
from htl_monai.data.readers.columns import age_years, check_columns, known, named
from htl_monai.data.readers.label_columns import class_columns, label_matrix, labelled_items
from htl_monai.data.readers.listing import Datalists, Item, Say, check_on_missing, require_ids, settle
from htl_monai.data.readers.text_table import read_text_table

OURS = ("id", "image", "split", "subject")  # of a table with a column for each of several findings
PERSON = ("age", "sex", "diagnosis")
SEX_WORDS = {"m": "male", "f": "female"}
NUMBERS = {
    int: re.compile(r"[+-]?(0|[1-9]\d{0,17})"),  # one that 64 bits hold; longer ones are names
    float: re.compile(r"[+-]?((0|[1-9]\d{0,17})(\.\d*)?|\.\d+)([eE][+-]?\d+)?"),
}


def read_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
    findings: bool = False,
) -> Datalists:
    """List the images of a CSV file with one row per image; no image is opened.

    ``image`` is required, and ``id``, which of findings is the image's path by default; ``split`` (without it the
    images are split by subject) and ``subject`` (also called ``patient_id`` and the like) are known. An empty field,
    ``unknown``, ``NA`` and the like give None. Paths are relative to the file's folder; a label of an unlabelled row is
    passed over.

    Without findings, ``label``, ``age``, ``sex`` and ``diagnosis`` are known; every other column is metadata, and
    becomes numbers where all that is known are, unless one has a leading zero, as subject numbers do. Of findings, the
    columns of 0 and 1 are the labels (see :func:`~htl_monai.data.readers.label_columns.class_columns`), and all others
    are text.

    Args:
        columns: our names to the file's, such as ``{"id": "image_id", "label": "mask"}``; a name that is not given is
            looked for as it is. Of findings also ``classes``, the columns that are labels.
        findings: a column for each of several findings is a label.

    Raises:
        FileNotFoundError: the CSV file is not there.
        KeyError: a column that is required or named in ``columns`` is not in the file.
        ValueError: the file cannot be read (see :func:`~htl_monai.data.readers.text_table.read_text_table`), an id is
            empty or repeated, a split has another name, an age is no number, a label none of 0, 1, -1 and unknown, a
            file is missing.
    """
    check_on_missing(on_missing)
    path, columns = Path(path).absolute(), check_columns(columns)
    wanted = _wanted(columns, findings, path)
    if not path.is_file():
        raise FileNotFoundError(f"data must be a CSV file, got {path}, which is not there; check the path")
    table = named(read_text_table(path), columns, ("image",) if findings else ("id", "image"), path)
    if findings and table.empty:
        raise ValueError(f"{path} must have a row for each image, got none below its header; add them")
    if "id" not in table:
        table["id"] = table["image"]
    ids = require_ids(table["id"].tolist(), "id", path)
    classes = class_columns(table, ids, OURS, wanted) if findings else None
    table["image"] = [str(path.parent / image) for image in table["image"]]
    items = _items(table, path, on_missing == "name") if classes is None else labelled_items(table, classes)
    splits = table["split"].tolist() if "split" in table else None
    stratum = _rarest_finding(items) if findings and splits is None else diagnosis_of
    lists = Datalists(into_lists(items, splits, str(path), say, stratum), classes)
    return settle(lists, path.parent, on_missing, unique_ids, masks=not findings)


def _wanted(columns: dict[str, Any], findings: bool, path: Path) -> list[str] | None:
    """Take the names of the classes out of the columns, of which the rest must be known."""
    wanted: list[str] | None = columns.pop("classes", None)
    if wanted and not findings:
        raise KeyError(
            f"columns may name classes for several findings an image only, got them for {path}; use the setting "
            "chest_xray, or name diagnosis"
        )
    unknown = sorted(set(columns) - set(OURS)) if findings else []
    if unknown:
        raise KeyError(f"columns may name {', '.join(OURS)} and classes, got {', '.join(unknown)}; correct them")
    return wanted


def _items(table: pd.DataFrame, path: Path, any_label: bool) -> list[Item]:
    as_text = ("id", "image", "label")
    values = {str(name): table[name] if name in as_text else _values(table[name]) for name in table if name != "split"}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    for row in rows:
        age, sex, diagnosis = (None if (value := row.get(key)) is None else str(value) for key in PERSON)
        row |= {"age": age_years(age, row["id"]), "sex": sex and SEX_WORDS.get(sex.lower(), sex.lower())}
        row["diagnosis"] = diagnosis
        label = row.pop("label", "")
        is_file = bool(label) and os.path.isfile(path.parent / label)
        if label and (is_file or any_label):
            row["label"] = str(path.parent / label) if is_file else label
    return rows


def _values(column: pd.Series) -> list[Any]:
    values = [known(value) for value in column]
    for kind, pattern in NUMBERS.items():
        if all(pattern.fullmatch(value) and math.isfinite(float(value)) for value in values if value is not None):
            return [None if value is None else kind(value) for value in values]
    return values


def _rarest_finding(items: Sequence[Item]) -> Callable[[Item], str]:
    """Return what tells the rarest finding of an image, so that a split gives each list some of the rare ones."""
    counts = np.nansum(label_matrix(items), axis=0)

    def stratum(item: Item) -> str:
        found = [number for number, value in enumerate(item["label"]) if value == 1]
        return str(min(found, key=lambda number: counts[number])) if found else "none"

    return stratum
