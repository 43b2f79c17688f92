"""Data lists from any CSV file whose columns can be named."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from htl_monai.data.preparation.splitting import deal_out
from htl_monai.data.readers.columns import check_columns, split_name, with_subject
from htl_monai.data.readers.listing import (
    LISTS,
    UNLABELLED,
    Datalists,
    Item,
    check_on_missing,
    name_first,
    require_unique_ids,
    settle_missing,
)
from htl_monai.data.readers.text_table import read_text_table

__all__ = ["read_csv"]

SEX_WORDS = {"m": "male", "f": "female"}
# "none" is not among them: it is the name of a group in some tables.
MISSING_WORDS = {"", "unknown", "na", "n/a", "nan", "null", "<na>"}
NUMBERS = {
    int: re.compile(r"[+-]?(0|[1-9]\d{0,17})"),  # one that 64 bits hold; longer ones are names
    float: re.compile(r"[+-]?((0|[1-9]\d{0,17})(\.\d*)?|\.\d+)([eE][+-]?\d+)?"),
}


def read_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Callable[[str], None] | None = None,
) -> Datalists:
    """List the images of a CSV file with one row per image; no image is opened.

    An empty field, ``unknown``, ``NA`` and the like give None. A column whose known values are all numbers becomes
    numbers, unless one has a leading zero, as subject numbers do; ids stay as they are written.

    Args:
        path: the CSV file; relative image and mask paths in it are relative to its folder.
        columns: our names to the file's, such as ``{"id": "image_id", "label": "mask"}``; a name that is not given is
            looked for as it is. ``id`` and ``image`` are required; ``label``, ``split`` (without it the images are
            split by subject, see :func:`~htl_monai.data.preparation.splitting.deal_out`), ``subject`` (also called
            ``patient_id`` and the like), ``age``, ``sex`` and ``diagnosis`` are known; every other column is kept as
            metadata. A mask of a row of split ``unlabelled`` is passed over.
        on_missing: what to do with an image of the three splits that has no mask, or with any whose file is not there:
            ``raise``; ``skip`` leaves it out and names it in a warning; ``keep`` lists it, without the key ``label``
            where the mask lacks.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.
        say: told how the images were split, where the file does not say.

    Returns:
        ``training``, ``validation``, ``test`` and ``unlabelled``, each a list of dicts in the order of the rows, the
        last without ``label``; paths are absolute.

    Raises:
        FileNotFoundError: the CSV file is not there.
        KeyError: a column that is required or named in ``columns`` is not in the file.
        ValueError: the file cannot be read (see :func:`~htl_monai.data.readers.text_table.read_text_table`), an id is
            empty or repeated, a split has another name, an age is no number, a file is missing.
    """
    check_on_missing(on_missing)
    path = Path(path).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"path must be a CSV file, got {path}, which is not there; check the path")
    table = with_subject(_named(read_text_table(path), check_columns(columns), path))
    rows = _rows(table, path)
    datalists: Datalists = {name: [] for name in LISTS}
    if "split" in table:
        for row in rows:
            datalists[split_name(row.pop("split"), row["id"])].append(row)
    else:
        datalists |= deal_out(rows, str(path), say)
    if unique_ids:
        require_unique_ids(datalists)
    return {name: _settle(items, path.parent, on_missing, name != UNLABELLED) for name, items in datalists.items()}


def _named(table: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.DataFrame:
    wanted = {"id": "id", "image": "image"} | dict(columns)
    if "classes" in wanted:
        raise KeyError(
            f"columns may name classes for several findings an image only, got them for {path}; use the setting "
            "chest_xray, or name diagnosis"
        )
    lacking = [theirs for theirs in wanted.values() if theirs not in table]
    if lacking:
        raise KeyError(f"{path} must have the columns {lacking}, got {list(table.columns)}; name yours in columns")
    taken = {*wanted, *wanted.values()}
    ours = {name: table[theirs] for name, theirs in wanted.items()}
    return pd.DataFrame(ours | {name: table[name] for name in table if name not in taken})


def _rows(table: pd.DataFrame, path: Path) -> list[Item]:
    empty = [str(number + 1) for number, id_ in enumerate(table["id"]) if not id_.strip()]
    if empty:
        raise ValueError(f"id must not be empty, got {len(empty)} empty in {path}, rows {name_first(empty)}; fill in")
    as_text = ("id", "image", "label", "split")
    values = {str(name): table[name].str.strip() if name in as_text else _values(table[name]) for name in table}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    for row in rows:
        row["age"] = _age(row.get("age"), row["id"])
        row["sex"] = _sex(row.get("sex"))
        row["diagnosis"] = None if row.get("diagnosis") is None else str(row["diagnosis"])
    return rows


def _values(column: pd.Series) -> list[Any]:
    values = [None if value.strip().lower() in MISSING_WORDS else value.strip() for value in column]
    for kind, pattern in NUMBERS.items():
        if all(pattern.fullmatch(value) and math.isfinite(float(value)) for value in values if value is not None):
            return [None if value is None else kind(value) for value in values]
    return values


def _age(value: Any, id_: str) -> float | None:
    try:
        age = None if value is None else float(value)
    except ValueError:
        age = math.nan
    if age is not None and not math.isfinite(age):
        raise ValueError(f"age must be a number or empty, got {value!r} for {id_}; correct the csv")
    return age


def _sex(value: Any) -> str | None:
    return None if value is None else SEX_WORDS.get(str(value).lower(), str(value).lower())


def _settle(items: list[Item], folder: Path, on_missing: str, masks: bool) -> list[Item]:
    for item in items:
        item["image"] = str(folder / item["image"])
        label = item.pop("label", "")
        if masks and label and os.path.isfile(folder / label):
            item["label"] = str(folder / label)
    missing = [item["id"] for item in items if not os.path.isfile(item["image"])]
    items = settle_missing(items, missing, "image", str(folder), on_missing)
    without = [item["id"] for item in items if masks and "label" not in item]
    return settle_missing(items, without, "mask", str(folder), on_missing)
