"""Reads from a function's signature and docstring what its command takes and what its help says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

from htl_monai.cli.values import KINDS, Kind


@dataclass(frozen=True)
class Option:
    """A parameter of a command.

    Args:
        name: the parameter's name.
        type: its type, without None.
        default: its default, or ``inspect.Parameter.empty`` where it must be given.
        text: what the docstring says of it.
    """

    name: str
    type: Any
    default: Any
    text: str

    @property
    def kind(self) -> Kind:
        """How its value is written."""
        return KINDS[self.type]

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty

    @property
    def by_position(self) -> bool:
        """Whether it may be given by its position: if it must be given, or leaving it out is like an empty text."""
        return self.required or self.default == ""

    @property
    def flag(self) -> str:
        """How it is written on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for its value in the help; nothing for a switch."""
        return self.name.upper() if self.required or self.kind.metavar is None else self.kind.metavar

    def read(self, text: str) -> Any:
        """Return the value that a text stands for; a ValueError names the option, the rule and the text."""
        return self.kind.read(text, self.name)


class Command:
    """A function that ``htl`` runs.

    Args:
        path: the words that call it, such as ``("data", "check")``.
        function: its docstring has ``Args:`` and ``Examples:``, one command a line.
    """

    def __init__(self, path: tuple[str, ...], function: Callable[..., None]) -> None:
        self.path, self.name, self.function = path, in_words(path), function
        description, *rest = re.split(r"^(\w+):\n", inspect.getdoc(function) or "", flags=re.MULTILINE)
        sections = {name: inspect.cleandoc("\n" + body) for name, body in zip(rest[::2], rest[1::2], strict=True)}
        self.description, self.examples = description.strip(), sections.get("Examples", "").split("\n")
        texts = dict(re.findall(r"^(\w+): (.*(?:\n  .*)*)", sections.get("Args", ""), re.MULTILINE))
        hints = get_type_hints(function)
        self.options = {
            name: Option(name, _without_none(hints[name]), parameter.default, " ".join(texts[name].split()))
            for name, parameter in inspect.signature(function).parameters.items()
        }


def in_words(path: Sequence[str]) -> str:
    """Return a command as a user writes it."""
    return " ".join(("htl", *path)).replace("_", "-")


def find_commands(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[Command]:
    """Return the commands of a dict of functions, and of the dicts in it, in order."""
    found: list[Command] = []
    for name, value in tree.items():
        found += find_commands(value, (*path, name)) if isinstance(value, Mapping) else [Command((*path, name), value)]
    return found


def _without_none(kind: Any) -> Any:
    some = [part for part in get_args(kind) if part is not NoneType]
    return some[0] if NoneType in get_args(kind) else kind
