"""What the columns of a user's table may be called, and what may stand in the column ``split``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from htl_monai.data.readers.listing import LISTS

__all__ = ["SUBJECT", "check_columns", "split_name", "with_subject"]

# Usual names, in small letters, of the column that tells whose an image is.
SUBJECT = ("subject", "subj_id", "subject_id", "patient", "patient_id", "patient id")
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


def with_subject(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose column of a usual name for the person is called ``subject``, where it has one.

    Example:
        >>> with_subject(pd.DataFrame({"id": ["a"], "Patient ID": ["7"]})).columns.tolist()
        ['id', 'subject']
    """
    names = [str(name) for name in table]
    found = next((name for wanted in SUBJECT for name in names if name.lower() == wanted), None)
    return table if found is None or "subject" in names else table.rename(columns={found: "subject"})
