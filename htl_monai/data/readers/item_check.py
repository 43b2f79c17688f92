"""Checks the images of a data list that was read from a file: each a dict of text, numbers and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["check_items"]

_MUST = ("id", "image")
_TEXT = ("diagnosis", "sex")


def check_items(items: Any, where: str, remedy: str) -> None:
    """Refuse a list in which something other than an image stands.

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
        for key in (*_MUST, *item):
            wanted = _wanted(key, item.get(key))
            if wanted:
                raise ValueError(
                    f"{key} of number {number} in {where} must be {wanted}, got {item.get(key)!r:.80}; {remedy}"
                )


def _wanted(key: str, value: Any) -> str:
    """Say what a value must be; empty where it is that."""
    if key in _MUST:
        return "" if isinstance(value, str) and value else "text"
    if key == "label":
        return "" if _is_scalar(value) or _is_vector(value) else "a path, a number or a list of numbers"
    if value is None:
        return ""
    if key in _TEXT:
        return "" if isinstance(value, str) else "text or null"
    if key == "age":
        return "" if _is_number(value) else "a number or null"
    return "" if _is_scalar(value) else "a single value"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _is_vector(value: Any) -> bool:
    return isinstance(value, list) and all(item is None or _is_number(item) for item in value)
