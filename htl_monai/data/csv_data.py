"""Data lists from any CSV file whose columns can be named."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from htl_monai.data.listing import (
    LISTS,
    UNLABELLED,
    Datalists,
    Item,
    check_on_missing,
    name_first,
    require_unique_ids,
    settle_missing,
)

__all__ = ["read_csv"]

SPLIT_WORDS = {"train": "training", "val": "validation", "valid": "validation"} | {name: name for name in LISTS}
SEX_WORDS = {"m": "male", "f": "female"}
# "none" is not among them: it is the name of a group in some tables.
MISSING_WORDS = {"", "unknown", "na", "n/a", "nan", "null", "<na>"}
NUMBERS = {
    int: re.compile(r"[+-]?(0|[1-9]\d*)"),
    float: re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?"),
}


def read_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
) -> Datalists:
    """List the images of a CSV file with one row an image; no image is opened.

    An empty field, ``unknown``, ``NA`` and the like give None. A column whose known values are all numbers becomes
    numbers, unless one has a leading zero, as subject numbers do; ids stay as they are written.

    Args:
        path: the CSV file; relative image and mask paths in it are relative to its folder.
        columns: our names to the file's, such as ``{"id": "image_id", "label": "mask"}``; a name that is not given is
            looked for as it is. ``id`` and ``image`` are required; ``label``, ``split`` (without it all rows are
            training), ``age``, ``sex`` and ``diagnosis`` are known; every other column is kept as metadata. A mask of
            a row of split ``unlabelled`` is passed over.
        on_missing: what to do with an image of the three splits that has no mask, or with any whose file is not there:
            ``raise``; ``skip`` leaves it out and names it in a warning; ``keep`` lists it, without the key ``label``
            where the mask lacks.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.

    Returns:
        ``training``, ``validation``, ``test`` and ``unlabelled``, each a list of dicts in the order of the rows, the
        last without ``label``; paths are absolute.

    Raises:
        FileNotFoundError: the CSV file is not there.
        KeyError: a column that is required or named in ``columns`` is not in the file.
        ValueError: an id is empty or repeated, a split has another name, an age is no number, a file is missing.
    """
    check_on_missing(on_missing)
    path = Path(path).absolute()
    if not path.is_file():
        raise FileNotFoundError(f"path must be a CSV file, got {path}, which is not there; check the path")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
    table = _named(table.fillna(""), columns or {}, path)
    datalists: Datalists = {name: [] for name in LISTS}
    for row in _rows(table, path):
        datalists[_split(row.pop("split", "training"), row["id"])].append(row)
    if unique_ids:
        require_unique_ids(datalists)
    return {name: _settle(items, path.parent, on_missing, name != UNLABELLED) for name, items in datalists.items()}


def _named(table: pd.DataFrame, columns: Mapping[str, str], path: Path) -> pd.DataFrame:
    wanted = {"id": "id", "image": "image"} | dict(columns)
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
        if all(pattern.fullmatch(value) for value in values if value is not None):
            return [None if value is None else kind(value) for value in values]
    return values


def _age(value: Any, id_: str) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError as error:
        raise ValueError(f"age must be a number or empty, got {value!r} for {id_}; correct the csv") from error


def _sex(value: Any) -> str | None:
    return None if value is None else SEX_WORDS.get(str(value).lower(), str(value).lower())


def _split(value: str, id_: str) -> str:
    if value.lower() not in SPLIT_WORDS:
        raise ValueError(f"split must be one of {', '.join(SPLIT_WORDS)}, got {value!r} for {id_}; correct the csv")
    return SPLIT_WORDS[value.lower()]


def _settle(items: list[Item], folder: Path, on_missing: str, masks: bool) -> list[Item]:
    for item in items:
        item["image"] = str(folder / item["image"])
        label = item.pop("label", "")
        if masks and label and (folder / label).is_file():
            item["label"] = str(folder / label)
    missing = [item["id"] for item in items if not Path(item["image"]).is_file()]
    items = settle_missing(items, missing, "image", str(folder), on_missing)
    without = [item["id"] for item in items if masks and "label" not in item]
    return settle_missing(items, without, "mask", str(folder), on_missing)
