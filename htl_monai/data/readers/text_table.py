"""Reads a CSV file that somebody else wrote, as text."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import pandas as pd

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .xls, whatever the file is called
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = (",", ";", "\t")
_REMEDY = "save it anew as CSV in UTF-8"


def read_text_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a CSV file with every value as text, freed of surrounding blanks; an empty field is ``""``.

    Fields are separated by the comma, semicolon or tab that the first line has most of; UTF-8 with or without its mark
    and UTF-16 with its mark are read. A column without a name is called ``Unnamed: 0`` by its place, as pandas would.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: it is no such text, or empty; a line has more or fewer fields than the first, a quote is not closed,
            or two columns have one name. The sentence names the file, the line where there is one, and what to do.
    """
    path = Path(path)
    header, *rows = _rows(_decoded(path), path) or [[]]
    if not header:
        raise ValueError(f"{path} must have a first line with the names of its columns, got an empty file; {_REMEDY}")
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"columns of {path} must have different names, got {', '.join(twice)} twice; rename them")
    return pd.DataFrame(rows, columns=names, dtype=str)


def _rows(text: str, path: Path) -> list[list[str]]:
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    try:
        for row in filter(None, reader):  # a blank line is no row
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"each line of {path} must have as many fields as the first, {len(rows[0])}, got {len(row)} in "
                    f"line {reader.line_num}; correct it, and quote values that hold {delimiter!r}"
                )
            rows.append([value.strip() for value in row])
    except csv.Error as error:
        raise ValueError(f"{path} must be a CSV file, got {error} in line {reader.line_num}; correct it") from error
    return rows


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(_WORKBOOKS):
        raise ValueError(f"{path} must be a CSV file, got an Excel workbook; {_REMEDY}")
    try:
        text = content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x} in line {line}, perhaps Latin-1"
        raise ValueError(f"{path} must be a CSV file in UTF-8, got {found}; {_REMEDY}") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path} must be a CSV file in UTF-8, got a NUL character in line {line}; {_REMEDY}")
    return text
