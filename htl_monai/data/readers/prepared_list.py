"""The file of data lists that the stage preparing writes: what it may hold, and the mark of images that were opened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_json
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import LISTS, SPLITS, UNLABELLED, Datalists, Item

# What may stand in such a file beside the lists.
CLASSES, MARK, NOTES = "classes", "checked", "notes"
_REMEDY = "give a file of the stage preparing"


def read_prepared(content: dict[str, Any], path: Path) -> Datalists:
    """Return the data lists in the content of the prepared file ``path``.

    Raises:
        ValueError: it holds something else, or an image of which a value is none that it can have, or labels of other
            classes than it names.
    """
    classes, _, _ = (content.pop(key, None) for key in (CLASSES, MARK, NOTES))
    if set(content) | {UNLABELLED} != set(LISTS):
        raise ValueError(
            f"data list {path} must hold the lists {', '.join(SPLITS)} and may hold {UNLABELLED}; {_REMEDY}"
        )
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise ValueError(f"classes in data list {path} must be a list of names, got {classes!r:.80}; {_REMEDY}")
    for split, items in content.items():
        check_items(items, f"{split} in data list {path}", _REMEDY)
    datalists = Datalists(content, classes)
    for split in SPLITS:
        if classes is not None and datalists[split] and label_matrix(datalists[split]).shape[1] != len(classes):
            raise ValueError(
                f"data list {path} must have labels of {len(classes)} classes, got another number in {split}; "
                "prepare it again"
            )
    return datalists


def with_mark(datalists: Mapping[str, Sequence[Item]], notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a file of lists holds of which each image and mask was opened, so that nobody opens them twice.

    Args:
        datalists: the lists, marked by a digest of them and their files.
        notes: for a reader, such as how the images were split.
    """
    beside = {CLASSES: getattr(datalists, "classes", None), NOTES: list(notes)}
    return {**{key: value for key, value in beside.items() if value}, MARK: data_digest(datalists), **datalists}


def has_mark(path: str | os.PathLike[str], datalists: Mapping[str, Sequence[Item]]) -> bool:
    """Tell whether lists that were read from ``path`` are those that were opened, and their files have not changed."""
    mark = read_json(path, _REMEDY).get(MARK) if Path(path).suffix.lower() == ".json" else None
    return mark is not None and mark == data_digest(datalists)


def check_items(items: Any, where: str, remedy: str) -> None:
    """Refuse a list in which something other than an image stands: a dict of text, numbers and nothing else.

    Args:
        items: what a file holds for one split.
        where: names split and file in the error.
        remedy: what to do about it; ends the error.

    Raises:
        ValueError: it is no list of objects; ``id`` or ``image`` is no text; ``label`` is no path, class number or list
            of numbers; ``diagnosis`` or ``sex`` is neither text nor null; ``age`` is neither a number nor null; or any
            other value is no single value.

    Example:
        >>> check_items([{"id": "a", "image": "a.jpg", "label": [1, None], "age": None}], "training", "correct it")
        >>> check_items([{"id": "a"}], "training", "correct it")
        Traceback (most recent call last):
        ...
        ValueError: image of number 1 in training must be text, got None; correct it
    """
    if not isinstance(items, list):
        raise ValueError(f"{where} must be a list of images, got {type(items).__name__}; {remedy}")
    for number, item in enumerate(items, start=1):
        if not isinstance(item, Mapping):
            raise ValueError(f"number {number} in {where} must be an image {{…}}, got {item!r:.80}; {remedy}")
        for key in ("id", "image", *item):
            if wanted := _wanted(key, value := item.get(key)):
                raise ValueError(f"{key} of number {number} in {where} must be {wanted}, got {value!r:.80}; {remedy}")


def _wanted(key: str, value: Any) -> str:
    """Say what a value must be; empty where it is that."""
    is_scalar = isinstance(value, str | int | float | None)
    if key in ("id", "image"):
        fits, wanted = isinstance(value, str) and value != "", "text"
    elif key == "label":
        numbers = isinstance(value, list) and all(part is None or _is_number(part) for part in value)
        fits, wanted = is_scalar or numbers, "a path, a number or a list of numbers"
    elif key in ("diagnosis", "sex"):
        fits, wanted = isinstance(value, str | None), "text or null"
    elif key == "age":
        fits, wanted = value is None or _is_number(value), "a number or null"
    else:
        fits, wanted = is_scalar, "a single value"
    return "" if fits else wanted


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
