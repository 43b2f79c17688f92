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
    columns: Mapping[str, str] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
) -> Datalists:
    """List the images of a CSV file with one row per image; no image is opened.

    An empty field, ``unknown``, ``NA`` and the like give None. A column whose known values are all numbers becomes
    numbers, unless one has a leading zero, as subject numbers do; ids stay as they are written.

    The arguments are those of :func:`~htl_monai.data.readers.datalists.load_datalists`; ``columns`` gives our names to
    the file's, such as ``{"id": "image_id", "label": "mask"}``; a name that is not given is looked for as it is.
    ``id`` and ``image`` are required; ``label``, ``split`` (without it the images are split by subject), ``subject``
    (also called ``patient_id`` and the like), ``age``, ``sex`` and ``diagnosis`` are known; every other column is kept
    as metadata. Paths in the file are relative to its folder; a label of an unlabelled row is passed over.

    Raises:
        FileNotFoundError: the CSV file is not there.
        KeyError: a column that is required or named in ``columns`` is not in the file.
        ValueError: the file cannot be read (see :func:`~htl_monai.data.readers.text_table.read_text_table`), an id is
            empty or repeated, a split has another name, an age is no number, a file is missing.
    """
    check_on_missing(on_missing)
    path, columns = Path(path).absolute(), check_columns(columns)
    if "classes" in columns:
        raise KeyError(
            f"columns may name classes for several findings an image only, got them for {path}; use the setting "
            "chest_xray, or name diagnosis"
        )
    table = named(_read(path), columns, ("id", "image"), path)
    items = _items(table, path, on_missing == "name")
    splits = table["split"].tolist() if "split" in table else None
    return settle(into_lists(items, splits, str(path), say), path.parent, on_missing, unique_ids, masks=True)


def read_labelled_csv(
    path: Path, columns: Mapping[str, Any] | None, on_missing: str, unique_ids: bool, say: Say | None
) -> tuple[list[str], Datalists]:
    """Return classes and lists of a CSV file with a column for each of several findings, see ``load_multi_label``."""
    columns = check_columns(columns)
    wanted = columns.pop("classes", None)
    unknown = sorted(set(columns) - set(OURS))
    if unknown:
        raise KeyError(f"columns may name {', '.join(OURS)} and classes, got {', '.join(unknown)}; correct them")
    table = named(_read(path), columns, ("image",), path)
    if table.empty:
        raise ValueError(f"{path} must have a row for each image, got none below its header; add them")
    if "id" not in table:
        table["id"] = table["image"]
    ids = require_ids(table["id"].tolist(), "id", path)
    classes = class_columns(table, ids, OURS, wanted)
    table["image"] = [str(path.parent / image) for image in table["image"]]
    items = labelled_items(table, classes)
    splits = table["split"].tolist() if "split" in table else None
    stratum = diagnosis_of if splits else _rarest_finding(items)
    return classes, settle(into_lists(items, splits, str(path), say, stratum), path.parent, on_missing, unique_ids)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"data must be a CSV file, got {path}, which is not there; check the path")
    return read_text_table(path)


def _items(table: pd.DataFrame, path: Path, any_label: bool) -> list[Item]:
    require_ids(table["id"].tolist(), "id", path)
    as_text = ("id", "image", "label")
    values = {str(name): table[name] if name in as_text else _values(table[name]) for name in table if name != "split"}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    for row in rows:
        age, sex, diagnosis = (None if (value := row.get(key)) is None else str(value) for key in PERSON)
        row |= {"age": age_years(age, row["id"]), "sex": sex and SEX_WORDS.get(sex.lower(), sex.lower())}
        row |= {"diagnosis": diagnosis, "image": str(path.parent / row["image"])}
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
