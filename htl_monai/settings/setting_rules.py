"""What each setting of the bundles may be, in the configs of a user and in the records that lie beside weights."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend

__all__ = ["SCHEMA", "against_rules", "rule_in_words"]

SCHEMA: Mapping[str, Any] = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
"""What each setting may be. ``description`` ends the sentence ``NAME must be …``; ``examples`` say what to write."""


def against_rules(settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings whose values break their rule; what has no rule breaks none.

    Example:
        >>> against_rules({"max_epochs": 0, "batch_size": 4, "features": "$print()", "anything": None})
        ['features', 'max_epochs']
    """
    return list(dict.fromkeys(str(error.absolute_path[0]) for error in _validator().iter_errors(dict(settings))))


def rule_in_words(name: str) -> str:
    """Return what a setting must be.

    Example:
        >>> rule_in_words("precision"), rule_in_words("compiled"), rule_in_words("max_epochs")
        ('one of fp32, bf16', 'true or false', 'a whole number from 1')
    """
    rule = SCHEMA["properties"][name]
    if "enum" in rule:
        return f"one of {', '.join(rule['enum'])}"
    return "true or false" if rule["type"] == "boolean" else str(rule["description"])


@functools.cache
def _validator() -> Any:
    """The schema's validator, for which NaN, the infinities and what no float can hold are no numbers."""

    def is_number(value: Any) -> bool:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: is_number(value),
            "integer": lambda _, value: type(value) is int and is_number(value),
            "array": lambda _, value: isinstance(value, (list, tuple)),
        }
    )
    return extend(Draft202012Validator, type_checker=checker)(SCHEMA)
