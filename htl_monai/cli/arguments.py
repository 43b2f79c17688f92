"""Checks the words of a command line against the commands and their options, before anything runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from htl_monai.cli.command import Command, Option, in_words


class UsageError(ValueError):
    """A command line that cannot be run: what is wrong with it, a sentence each, and whose help may tell more."""

    def __init__(self, problems: Sequence[str], name: str) -> None:
        super().__init__("; ".join(problems))
        self.problems, self.name = problems, name


def split_command(tree: Mapping[str, Any], words: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the words that name a command or a group in a tree of functions by name, and the words after it.

    Raises:
        UsageError: there is no such command.
    """
    path: tuple[str, ...] = ()
    node: Any = tree
    for place, word in enumerate(words):
        if not isinstance(node, Mapping) or _is_option(word):
            return path, list(words[place:])
        key = word.replace("-", "_")
        if key not in node:
            known = [name.replace("_", "-") for name in node]
            where = in_words(path)
            problem = f"the command after {where} must be one of {', '.join(known)}, got {word!r}{_near(word, known)}"
            raise UsageError([problem], where)
        path, node = (*path, key), node[key]
    return path, []


def _is_option(word: str) -> bool:
    """Tell an option from a value; a negative number is a value."""
    return word.startswith("--") or re.match("-[a-zA-Z]", word) is not None


def read_arguments(command: Command, words: Sequence[str]) -> dict[str, str]:
    """Return the text of each option that is given.

    Some options may be given by position, in their order (see :class:`.Option`); all others by name only. A
    :class:`UsageError` names all options that do not exist, or all that are missing and all values that cannot be read.

    Raises:
        UsageError: names all options that do not exist, or all that are missing and all values that cannot be read.
    """
    given, places, problems = _gather(command, words)
    free = [option for option in command.options.values() if option.by_position and option.name not in given]
    for option, word in zip(free, places, strict=False):
        given[option.name] = [word]
    if len(places) > len(free):
        problems.append(_too_many(command, places[len(free) :]))
    if not problems:
        problems += _missing(command, given)
        problems += [problem for name, texts in given.items() for problem in _wrong(command.options[name], texts)]
    if problems:
        raise UsageError(problems, command.name)
    return {name: ",".join(texts) for name, texts in given.items()}


def _gather(command: Command, words: Sequence[str]) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Return the texts of each option by its name, the words without option, and what is wrong with the names."""
    given: dict[str, list[str]] = {}
    places: list[str] = []
    problems: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not _is_option(word):
            places.append(word)
            continue
        flag, equals, text = word.partition("=")
        option, alone = _find(command, flag, bool(equals))
        value = text if equals else alone
        if value is None and waiting and not _is_option(waiting[0]):
            value = waiting.pop(0)
        if option is None:
            problems.append(_unknown(command, flag))
        elif value is None:
            problems.append(f"{option.flag} must have a value, got none; write {option.flag} {option.metavar}")
        else:
            given.setdefault(option.name, []).append(value)
    return given, places, problems


def _find(command: Command, flag: str, has_value: bool) -> tuple[Option | None, str | None]:
    """Return the option of a flag, and the value of a switch whose flag alone says it."""
    name = flag.removeprefix("--").replace("-", "_")
    if flag.startswith("--") and name in command.options:
        option = command.options[name]
        return option, "true" if option.type is bool else None
    switch = command.options.get(re.sub("^no_?", "", name))
    if flag.startswith("--no") and switch is not None and switch.type is bool and not has_value:
        return switch, "false"
    return None, None


def _unknown(command: Command, flag: str) -> str:
    flags = [option.flag for option in command.options.values()]
    if not flag.startswith("--"):
        begin = [name for name in flags if name.startswith("-" + flag[:2])]
        hint = f"did you mean {' or '.join(begin)}?" if begin else f"{command.name} has {', '.join(flags)}"
        return f"options must be written out, got {flag}; {hint}"
    near = _near(flag.replace("_", "-"), flags)
    if not near and "set" in command.options:
        near = "; an entry of the configs goes into --set KEY=VALUE"
    return f"{flag} must be an option of {command.name}, which has {', '.join(flags)}{near}"


def _too_many(command: Command, extra: Sequence[str]) -> str:
    required = [option.metavar for option in command.options.values() if option.by_position]
    takes = f"{' '.join(required)} and nothing more" if required else "no value"
    got = ", ".join(map(repr, extra))
    return f"{command.name} takes {takes} without a name, got {got}; write the name of an option before it"


def _missing(command: Command, given: Iterable[str]) -> list[str]:
    missing = [option.flag for option in command.options.values() if option.required and option.name not in given]
    return [f"{', '.join(missing)} must be given, and {'is' if len(missing) == 1 else 'are'} not"] if missing else []


def _wrong(option: Option, texts: Sequence[str]) -> list[str]:
    if len(texts) > 1 and not option.kind.several:
        return [f"{option.flag} must be given once, got {' and '.join(map(repr, texts))}; choose one"]
    try:
        option.read(",".join(texts))
    except ValueError as error:
        return [str(error)]
    return []


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
