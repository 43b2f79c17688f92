"""Reads the value of an option from its text, by the type of the parameter; a string stays the string it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from htl_monai.cli.pairs import read_pairs

__all__ = ["METAVARS", "READERS", "SEVERAL"]


def read_text(text: str, name: str) -> str:
    """Return the text itself, which must not be empty."""
    if not text:
        raise ValueError(f"{name} must not be empty; leave it out or give a value")
    return text


def read_whole_number(text: str, name: str) -> int:
    """Read ``7`` or ``-7``."""
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(
            f"{name} must be a whole number, got {text!r}; write --{name.replace('_', '-')} 7, for example"
        )
    return int(text)


def read_number(text: str, name: str) -> float:
    """Read ``0.5``, ``1`` or ``1e-3``."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, got {text!r}; write 0.5, for example") from None


def read_switch(text: str, name: str) -> bool:
    """Read ``true`` or ``false``."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{name} must be true or false, got {text!r}; write --{name} or --no{name}")
    return text.lower() == "true"


def read_names(text: str, name: str) -> list[str]:
    """Read ``a,b``."""
    return [read_text(part.strip(), name) for part in text.split(",")]


def read_numbers(text: str, name: str) -> list[float]:
    """Read ``0.5,0.7``."""
    return [read_number(part, name) for part in text.split(",")]


def read_seeds(text: str, name: str) -> list[int]:
    """Read ``0:30``, ``3`` or ``0,3,7``."""
    found: list[int] = []
    for part in text.split(","):
        if not re.fullmatch(r"\d+(:\d+)?", part):
            raise ValueError(f"{name} must be numbers from 0 or ranges such as 0:30, got {part!r}; write 0:5 or 0,3,7")
        first, _, end = part.partition(":")
        found += range(int(first), int(end)) if end else [int(first)]
    return found


def read_size(text: str, name: str) -> tuple[int, int]:
    """Read ``96,128``, also with brackets."""
    found = re.fullmatch(r"[\[(]?\s*(\d+)\s*[,x]\s*(\d+)\s*[\])]?", text)
    if not found:
        raise ValueError(f"{name} must be height and width in pixels, got {text!r}; write 96,128, for example")
    return int(found[1]), int(found[2])


READERS: Mapping[Any, Callable[[str, str], Any]] = {
    str: read_text,
    int: read_whole_number,
    float: read_number,
    bool: read_switch,
    list[str]: read_names,
    list[float]: read_numbers,
    list[int]: read_seeds,
    tuple[int, int]: read_size,
    dict[str, Any]: read_pairs,
}
"""What reads a parameter of each type from a text and the option's name."""

SEVERAL = (list[str], list[float], list[int], dict[str, Any])
"""Types of options that may be repeated: what is given in several goes is one list."""

METAVARS = {
    int: "N",
    float: "X",
    bool: "",
    list[str]: "A,B",
    list[float]: "X,Y",
    list[int]: "N,M",
    tuple[int, int]: "H,W",
    dict[str, Any]: "KEY=VALUE",
}
"""What stands for the value of an option in the help."""
