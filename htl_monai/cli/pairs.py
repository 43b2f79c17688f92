"""Reads ``key=value`` pairs, for options that take several."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["read_pairs"]


def read_pairs(text: str, name: str = "set") -> dict[str, Any]:
    """Read ``key=value,…``; a value is JSON where it parses as such, else text; commas in brackets do not part."""
    parts = [part for part in re.split(r",(?![^\[{]*[\]}])", text) if part]
    wrong = [part for part in parts if "=" not in part]
    if wrong:
        raise ValueError(f"{name} must be key=value pairs with commas between, got {wrong[0]!r}; write key=value")
    return {key.strip(): _value(value.strip()) for key, value in (part.split("=", 1) for part in parts)}


def _value(text: str) -> Any:
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except json.JSONDecodeError:
        return text
