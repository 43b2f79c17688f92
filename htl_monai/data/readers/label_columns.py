"""Finds the columns of a table that are labels, and turns them into vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.data.readers.columns import MISSING_WORDS, SUBJECT
from htl_monai.data.readers.listing import Item, name_first

# Names, in small letters, that are never a class although their values may all be 0 and 1.
METADATA = {
    *SUBJECT,
    *"split|image|study_id|dicom_id|age|patientage|patient age|sex|gender|patient gender|patientsex".split("|"),
    *"viewposition|view position|view|index|unnamed: 0|follow-up #|fold|weight".split("|"),
}
_ITEM_KEYS = ("id", "image", "split", "subject", "label")
UNKNOWN_WORDS = MISSING_WORDS | {"none"}
# CheXpert's labeller writes -1 where a report is uncertain: nobody knows, so neither do we.
UNCERTAIN = -1.0
VALUES = (0.0, 1.0, UNCERTAIN)


def class_columns(
    table: pd.DataFrame, ids: Sequence[str], taken: Collection[str] = (), wanted: Sequence[str] | None = None
) -> list[str]:
    """Tell the classes of a table of text: the columns whose known values are all 0 or 1.

    Empty fields, ``NaN`` and the like are unknown, and so is -1 (CheXpert's "uncertain"). A column without any known
    value is a class, too: its labels are unknown everywhere. A column with no 0, 1 or -1 at all is metadata, as are the
    columns whose names are usual for metadata (``METADATA``).

    Args:
        table: one row per image, all text.
        taken: further columns that are no class, such as the key.
        wanted: the columns that are the classes; the others are then not looked at.

    Raises:
        ValueError: there is no class, or a column mixes 0, 1 or -1 with other values (class, image, value are named).
        KeyError: a wanted column is not there.

    Example:
        >>> table = pd.DataFrame({"Mass": ["1", ""], "site": ["a", "b"], "age": ["0", "1"]})
        >>> class_columns(table, ["x", "y"])
        ['Mass']
    """
    if wanted is not None:
        classes = list(dict.fromkeys([wanted] if isinstance(wanted, str) else wanted))
        if lacking := [name for name in classes if name not in table]:
            raise KeyError(f"classes must be among the columns {list(table.columns)}, got {lacking}; correct them")
    else:
        classes = [name for name in map(str, table) if name not in taken and not is_metadata(table[name], name)]
    label_vectors(table, classes, ids)
    if not classes:
        raise ValueError(
            f"the table must have at least one column of 0 and 1 as a class, got {list(table.columns)}; add the labels"
        )
    return classes


def is_metadata(column: pd.Series, name: str) -> bool:
    """Tell whether a column holds no label: by its name, or because its known values are all other than 0, 1, -1."""
    distinct = pd.Series(column.unique(), dtype=str)
    known = distinct[~_unknown(distinct)]
    has_labels = known.empty or pd.to_numeric(known, errors="coerce").isin(VALUES).any()
    return name.lower() in METADATA or not has_labels


def label_vectors(table: pd.DataFrame, classes: Sequence[str], ids: Sequence[str]) -> list[list[float | None]]:
    """Return one label vector a row: 0.0, 1.0, or None where it is unknown; any other value is refused by name."""
    values = np.array([_numbers(table[name], name, ids) for name in classes]).reshape(len(classes), len(table)).T
    boxed = values.astype(object)
    boxed[np.isnan(values)] = None
    vectors: list[list[float | None]] = boxed.tolist()
    return vectors


def labelled_items(table: pd.DataFrame, classes: Sequence[str]) -> list[Item]:
    """Return an item for each row: ``id``, ``image``, ``subject`` (None where there is none), metadata, ``label``."""
    others = [name for name in map(str, table) if name not in {*classes, *_ITEM_KEYS}]
    others = [name for name in others if is_metadata(table[name], name)]
    subjects = known_texts(table["subject"]) if "subject" in table else [None] * len(table)
    columns: dict[str, Any] = {"id": table["id"], "image": table["image"], "subject": subjects}
    columns |= {name: known_texts(table[name]) for name in others}
    columns["label"] = label_vectors(table, classes, table["id"].tolist())
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def label_matrix(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return the label vectors of a data list as ``(N, C)``: 0, 1, and NaN where a label is unknown.

    Raises:
        ValueError: an image has no label vector, one of another length than the first, or one with other values.

    Example:
        >>> label_matrix([{"id": "a", "label": [1.0, None]}, {"id": "b", "label": [0.0, 1.0]}])
        array([[ 1., nan],
               [ 0.,  1.]])
    """
    vectors = [item.get("label") for item in items]
    fits = [isinstance(vector, list) and len(vector) == len(vectors[0] or ()) for vector in vectors]
    if not all(fits):
        wrong = [str(item["id"]) for item, fit in zip(items, fits, strict=True) if not fit]
        raise ValueError(
            f"label must be a vector with one value per class, got others for {name_first(wrong)}; "
            "give a data list of the stage preparing of a multi-label setting"
        )
    # NumPy reads None as NaN where it is asked for floats.
    matrix = np.array(vectors, dtype=np.float64).reshape(len(vectors), -1)
    odd = np.argwhere(~(np.isnan(matrix) | (matrix == 0) | (matrix == 1)))
    if len(odd):
        row, column = odd[0]
        raise ValueError(
            f"label must hold 0, 1 or null for unknown, got {matrix[row, column]:g} for {items[row]['id']}; "
            "prepare the data again"
        )
    return matrix


def known_texts(column: pd.Series) -> list[str | None]:
    """Return a column's texts, None where one is unknown."""
    texts: list[str | None] = column.astype(object).where(~_unknown(column), None).tolist()
    return texts


def _unknown(values: pd.Series) -> pd.Series:
    return values.isna() | values.str.strip().str.lower().isin(UNKNOWN_WORDS)


def _numbers(column: pd.Series, name: str, ids: Sequence[str]) -> NDArray[np.float64]:
    """Return the labels, NaN where they are unknown."""
    codes, distinct = pd.factorize(column, use_na_sentinel=False)  # a hundred thousand rows hold a few values
    texts = pd.Series(distinct, dtype=str)
    numbers, unknown = pd.to_numeric(texts, errors="coerce"), _unknown(texts)
    odd = np.flatnonzero((~unknown & ~numbers.isin(VALUES)).to_numpy()[codes])
    if odd.size:
        raise ValueError(
            f"class {name!r} must be 0, 1 or unknown (empty, NaN or -1), got {column.iloc[odd[0]]!r} for {ids[odd[0]]} "
            f"and {odd.size} such rows in all; correct the csv, or name the columns that are classes"
        )
    values: NDArray[np.float64] = numbers.mask(unknown | (numbers == UNCERTAIN)).to_numpy(dtype=np.float64)
    return values[codes]
