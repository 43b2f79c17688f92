"""Reads the csv files that come with the official ISIC folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from htl_monai.data.readers.listing import name_first
from htl_monai.data.readers.text_table import read_text_table

__all__ = ["IMAGE_SUFFIXES", "age_years", "known", "known_word", "read_rows"]

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
MISSING_WORDS = {"", "unknown", "na", "nan"}


def read_rows(path: Path, key: str) -> dict[str, dict[str, Any]]:
    """Return the rows of a csv by the value of one column, all as text; none where the file is not there.

    Raises:
        KeyError: the file has no column ``key``.
        ValueError: two rows have the same ``key``, or it is no CSV file (see
            :func:`~htl_monai.data.readers.text_table.read_text_table`).
    """
    if not path.is_file():
        return {}
    table = read_text_table(path)
    if key not in table:
        raise KeyError(f"{path} must have the column {key}, got {list(table.columns)}; restore the official file")
    repeated = table[key][table[key].duplicated()].tolist()
    if repeated:
        raise ValueError(f"{key} must be unique in {path}, got repeated {name_first(repeated)}; remove these rows")
    return {str(row[key]): {str(name): row[name] for name in row} for row in table.to_dict("records")}


def known(value: str | None) -> str | None:
    """Return a value as it is written, None where it is empty, ``unknown``, ``NA`` or ``NaN``.

    Example:
        >>> known(" HAM_0000550 "), known("unknown")
        ('HAM_0000550', None)
    """
    value = (value or "").strip()
    return None if value.lower() in MISSING_WORDS else value


def known_word(value: str | None) -> str | None:
    """Return a value in small letters, None where it is not known."""
    found = known(value)
    return None if found is None else found.lower()


def age_years(value: str | None, id_: str, column: str) -> float | None:
    """Return an age, None where it is not known.

    Raises:
        ValueError: it is no number; the sentence names the image ``id_`` and the ``column``.
    """
    found = known(value)
    try:
        return None if found is None else float(found)
    except ValueError as error:
        raise ValueError(f"{column} must be a number or unknown, got {value!r} for {id_}; correct the csv") from error
