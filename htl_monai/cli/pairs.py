"""Read the values of options that hold several: pairs, names, numbers, seeds."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["read_names", "read_numbers", "read_pairs", "read_seeds"]


def read_pairs(text: Any) -> dict[str, Any]:
    """Read ``key=value,…``; a value is JSON where it parses as such, else text; commas in brackets do not part."""
    parts = [part for part in re.split(r",(?![^\[{]*[\]}])", _as_text(text)) if part]
    wrong = [part for part in parts if "=" not in part]
    if wrong:
        raise ValueError(f"settings must be key=value pairs with commas between, got {wrong[0]!r}; write key=value")
    return {key.strip(): _value(value.strip()) for key, value in (part.split("=", 1) for part in parts)}


def read_names(text: Any) -> list[str]:
    """Read ``a,b``."""
    return [name for name in _as_text(text).split(",") if name]


def read_numbers(values: Any) -> list[float]:
    """Read ``0.5,0.7``."""
    return [float(part) for part in read_names(values)]


def read_seeds(values: Any) -> list[int]:
    """Read ``0:30``, ``3`` or ``0,3,7``."""
    found: list[int] = []
    for part in read_names(values):
        if not re.fullmatch(r"\d+(:\d+)?", part):
            raise ValueError(f"seeds must be numbers from 0 or ranges such as 0:30, got {part!r}; write 0:5 or 0,3,7")
        first, _, end = part.partition(":")
        found += range(int(first), int(end)) if end else [int(first)]
    return found


def _value(text: str) -> Any:
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except json.JSONDecodeError:
        return text


def _as_text(value: Any) -> str:
    """Undo what fire makes of ``a,b``: a tuple."""
    return ",".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)
