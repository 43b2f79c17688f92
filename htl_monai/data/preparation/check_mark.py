"""Marks lists of images that were all opened and found sound, so that nobody opens them twice."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_json
from htl_monai.data.readers.listing import Item

__all__ = ["MARKS", "NOTES", "has_mark", "with_mark"]

# What may stand in such a file beside the lists.
MARK, NOTES = "checked", "notes"
MARKS = (MARK, NOTES)


def with_mark(datalists: Mapping[str, Sequence[Item]], notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the content of a file of data lists that were checked: a digest of lists and files, notes, and the lists.

    Args:
        datalists: every image and mask in them was opened.
        notes: for a reader, such as how the images were split.
    """
    return {MARK: data_digest(datalists), **({NOTES: list(notes)} if notes else {}), **datalists}


def has_mark(path: str | os.PathLike[str], datalists: Mapping[str, Sequence[Item]]) -> bool:
    """Tell whether lists that were read from ``path`` are those that were checked, and their files have not changed."""
    if Path(path).suffix.lower() != ".json":
        return False
    mark = read_json(path, "give a file of the stage preparing").get(MARK)
    return mark is not None and mark == data_digest(datalists)
