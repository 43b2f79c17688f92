"""What the columns of a stranger's table may be called, and what may stand in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from htl_monai.data.readers.listing import LISTS

# Usual names, in small letters, of the column that tells whose an image is.
SUBJECT = ("subject", "subj_id", "subject_id", "patient", "patient_id", "patient id")
# "none" is not among them: it is the name of a group in some tables.
MISSING_WORDS = {"", "unknown", "na", "n/a", "nan", "null", "<na>"}
_SPLIT_WORDS = {"train": "training", "val": "validation", "valid": "validation"} | {name: name for name in LISTS}


def check_columns(columns: Any) -> dict[str, Any]:
    """Return the names of columns that a user gave, each ours to the table's; none where None is given.

    Raises:
        ValueError: it is no mapping of names to names; ``classes`` alone may be a list of names.

    Example:
        >>> check_columns({"id": "case_no", "classes": ["Mass", "Nodule"]})
        {'id': 'case_no', 'classes': ['Mass', 'Nodule']}
    """
    remedy = 'write such as id=case_no,label=mask or classes=["Mass","Nodule"]'
    if not isinstance(columns, Mapping | None):
        raise ValueError(f"columns must give our names a table's, got {columns!r}; {remedy}")
    for ours, theirs in (columns or {}).items():
        names = theirs if ours == "classes" and isinstance(theirs, list) and theirs else [theirs]
        if not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"columns must name a column for {ours}, got {theirs!r}; {remedy}")
    return dict(columns or {})


def named(table: pd.DataFrame, columns: Mapping[str, str], required: Sequence[str], source: object) -> pd.DataFrame:
    """Return a table under our names of columns; what has none of ours keeps its own."""
    wanted = {name: name for name in required} | dict(columns)
    lacking = [theirs for theirs in wanted.values() if theirs not in table]
    if lacking:
        raise KeyError(f"{source} must have the columns {lacking}, got {list(table.columns)}; name yours in columns")
    ours = {name: table[theirs] for name, theirs in wanted.items()}
    rest = {name: table[name] for name in table if name not in {*wanted, *wanted.values()}}
    return with_subject(pd.DataFrame(ours | rest))


def with_subject(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose column of a usual name for the person is called ``subject``, where it has one.

    Example:
        >>> with_subject(pd.DataFrame({"id": ["a"], "Patient ID": ["7"]})).columns.tolist()
        ['id', 'subject']
    """
    names = [str(name) for name in table]
    found = next((name for wanted in SUBJECT for name in names if name.lower() == wanted), None)
    return table if found is None or "subject" in names else table.rename(columns={found: "subject"})


def split_name(value: str, id_: str) -> str:
    """Return the list that a row belongs to by its column ``split``.

    Raises:
        ValueError: it names none; the sentence names the image ``id_``.

    Example:
        >>> split_name("Train", "7")
        'training'
    """
    name = _SPLIT_WORDS.get(value.lower())
    if name is None:
        raise ValueError(
            f"split must be one of {', '.join(_SPLIT_WORDS)}, got {value!r} for {id_}; correct the csv, or leave the "
            "whole column out to have the images split by subject"
        )
    return name


def known(value: str | None) -> str | None:
    """Return a value as it is written, None where it is empty, ``unknown``, ``NA`` and the like.

    Example:
        >>> known(" HAM_0000550 "), known("unknown")
        ('HAM_0000550', None)
    """
    value = (value or "").strip()
    return None if value.lower() in MISSING_WORDS else value


def age_years(value: str | None, id_: str, column: str = "age") -> float | None:
    """Return an age, None where it is not known; anything else but a finite number is refused.

    Raises:
        ValueError: it is no number; the sentence names the image ``id_`` and the ``column``.
    """
    found = known(value)
    try:
        age = None if found is None else float(found)
    except ValueError:
        age = math.nan
    if age is not None and not math.isfinite(age):
        raise ValueError(f"{column} must be a number or unknown, got {value!r} for {id_}; correct the csv")
    return age
