"""Keeps spreadsheets from running text as a formula, and gives the text back as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# What spreadsheets take for the beginning of a formula, wide forms included, after any number of our own marks.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def escaped(value: Any) -> Any:
    """Return text that begins like a formula with an apostrophe before it, anything else as it is.

    A name of a file or a patient can be ``=HYPERLINK(…)``, which a spreadsheet would run when it opens the table; with
    an apostrophe it is text. A number in a column of text stays a number.

    Example:
        >>> [escaped(value) for value in ("=1+1", "-12", "'=1", "it's", -3.5)]
        ["'=1+1", '-12', "''=1", "it's", -3.5]
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unescaped(value: Any) -> Any:
    """Undo :func:`escaped`.

    Example:
        >>> [unescaped(value) for value in ("'=1+1", "-12", "''=1", "it's", "'tis", -3.5)]
        ['=1+1', '-12', "'=1", "it's", "'tis", -3.5]
    """
    return value[1:] if isinstance(value, str) and value.startswith("'") and _FORMULA.match(value) else value


def map_text(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """Return ``table`` with ``change`` applied to its names of columns and to each value of the columns of text."""
    from pandas.api.types import is_numeric_dtype

    changed = table.copy(deep=False)
    for name in table.columns[[not is_numeric_dtype(kind) for kind in table.dtypes]]:
        changed[name] = table[name].map(change, na_action="ignore")
    return changed.set_axis([change(name) for name in table.columns], axis="columns")
