"""Reads ``key=value`` pairs, for options that take several."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

_WORDS = {"True": True, "False": False, "None": None}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def read_pairs(text: str, name: str = "set") -> dict[str, Any]:
    """Read ``key=value,…``.

    A value that is JSON is taken as such, commas and all. Any other is text up to the next comma that stands in no
    brackets, nor in quotes where it is an expression (``$…``); True, False and None are Python's.

    Raises:
        ValueError: a part is no pair, a key is given twice, a value begins like JSON and is none, or a bracket is open.

    Example:
        >>> read_pairs('columns={"image":"p","classes":["A","B"]},device=cpu,max_epochs=3')
        {'columns': {'image': 'p', 'classes': ['A', 'B']}, 'device': 'cpu', 'max_epochs': 3}
    """
    pairs: dict[str, Any] = {}
    place = 0
    while place < len(text):
        if text[place] in ", ":
            place += 1
            continue
        found = re.compile(r"([^=,]*[^=,\s])\s*=\s*").match(text, place)
        if found is None:
            part = text[place:].split(",")[0]
            raise ValueError(f"{name} must be key=value pairs with commas between, got {part!r}; write key=value")
        key = found[1]
        if key in pairs:
            raise ValueError(f"{name} must name each key once, got {key} twice; keep one")
        pairs[key], place = _value(text, found.end(), f"{key} in --{name.replace('_', '-')}")
    return pairs


def with_columns(settings: Mapping[str, Any] | None, columns: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return settings with the config entry ``columns``, where the option of that name is given and they have none.

    Raises:
        ValueError: the settings have the entry already.
    """
    changes = dict(settings or {})
    if columns and "columns" in changes:
        raise ValueError("columns must be given once, got --columns and --set columns=…; leave one out")
    return changes | ({"columns": dict(columns)} if columns else {})


def _value(text: str, start: int, where: str) -> tuple[Any, int]:
    """Return the value that begins at ``start``, and the place after it."""
    try:
        value, end = json.JSONDecoder(parse_constant=_refuse).raw_decode(text, start)
        end += len(text[end:]) - len(text[end:].lstrip())
        if end == len(text) or text[end] == ",":
            return value, end
    except (ValueError, RecursionError):
        pass
    if text[start : start + 1] in ("{", "[", '"'):
        raise ValueError(
            f"{where} must be JSON where it begins with {text[start]}, got {text[start:]!r}; write such as "
            '\'columns={"id":"case_no","classes":["A","B"]}\', in single quotes so that the shell leaves it as it is'
        )
    end = _end_of_text(text, start, where)
    word = text[start:end].strip()
    return _WORDS.get(word, word), end


def _end_of_text(text: str, start: int, where: str) -> int:
    """Return the place of the next comma outside of brackets, and of the quotes of an expression."""
    closing: list[str] = []
    quoted = ""
    for place in range(start, len(text)):
        letter = text[place]
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "'\"" and text[start] == "$":
            quoted = letter
        elif letter in _BRACKETS:
            closing.append(_BRACKETS[letter])
        elif closing and letter == closing[-1]:
            closing.pop()
        elif letter == "," and not closing:
            return place
    if closing or quoted:
        raise ValueError(
            f"{where} must close what it opens, got {text[start:]!r} without {quoted or closing[-1]}; add it"
        )
    return len(text)


def _refuse(constant: str) -> NoReturn:
    """Leave NaN and the infinities to be text: no setting takes them."""
    raise ValueError(constant)
