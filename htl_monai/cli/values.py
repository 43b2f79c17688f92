"""Reads the value of an option from its text, by the type of the parameter; a string stays the string it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from htl_monai.cli.pairs import read_pairs


@dataclass(frozen=True)
class Kind:
    """How the values of one type are written.

    Args:
        read: takes a text and the option's name; ValueError where the text is no such value.
        metavar: what stands for a value in the help; nothing for a switch, None for the option's own name.
        several: whether the option may be repeated: what is given in several goes is one list.
    """

    read: Callable[[str, str], Any]
    metavar: str | None = None
    several: bool = False


def _reader(convert: Callable[[str], Any], rule: str, example: str) -> Callable[[str, str], Any]:
    """Return what reads a value by ``convert``, or says that it must be as the rule says."""

    def read(text: str, name: str) -> Any:
        try:
            return convert(text)
        except (KeyError, ValueError):
            write = example.format(name=name, flag=name.replace("_", "-"))
            raise ValueError(f"{name} must be {rule}, got {text!r}; write {write}") from None

    return read


def _list_of(read: Callable[[str, str], Any]) -> Callable[[str, str], list[Any]]:
    return lambda text, name: [read(part.strip(), name) for part in text.split(",")]


def _text(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"{name} must not be empty; leave it out or give a value")
    return text


def _size(text: str) -> tuple[int, int]:
    height, width = _parts(r"[\[(]?\s*(\d+)\s*[,x]\s*(\d+)\s*[\])]?", text)
    return int(height), int(width)


def _range(text: str) -> range:
    first, end = _parts(r"(\d+)(?::(\d+))?", text)
    return range(int(first), int(first) + 1 if end is None else int(end))


def _parts(pattern: str, text: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, text)
    if found is None:
        raise ValueError(text)
    return found.groups()


_WHOLE_NUMBER = _reader(int, "a whole number", "--{flag} 7, for example")
_NUMBER = _reader(float, "a number", "0.5, for example")
_SWITCH = _reader(lambda text: {"true": True, "false": False}[text.lower()], "true or false", "--{name} or --no{name}")
_SEEDS = _list_of(_reader(_range, "numbers from 0 or ranges such as 0:30", "0:5 or 0,3,7"))

KINDS: Mapping[Any, Kind] = {
    str: Kind(_text),
    int: Kind(_WHOLE_NUMBER, "N"),
    float: Kind(_NUMBER, "X"),
    bool: Kind(_SWITCH, ""),
    list[str]: Kind(_list_of(_text), "A,B", several=True),
    list[float]: Kind(_list_of(_NUMBER), "X,Y", several=True),
    list[int]: Kind(lambda text, name: [seed for part in _SEEDS(text, name) for seed in part], "N,M", several=True),
    tuple[int, int]: Kind(_reader(_size, "height and width in pixels", "96,128, for example"), "H,W"),
    dict[str, Any]: Kind(read_pairs, "KEY=VALUE", several=True),
}
"""How a parameter of each type is written."""
