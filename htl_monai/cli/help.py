"""Makes the help texts of ``htl``, which fit a terminal of 80 columns and 40 lines, from the commands' docstrings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from htl_monai.cli.command import Command, Option, in_words

_COLUMNS = 79


def overview(commands: Sequence[Command], path: tuple[str, ...], about: str) -> str:
    """Return the help of ``htl``, or of its group ``path``: ``about``, and what each of the commands does."""
    shown = [command for command in commands if command.path[: len(path)] == path]
    rows = [(command.name.removeprefix("htl "), _first_line(command.description)) for command in shown]
    name = in_words(path)
    examples = [example for command in shown for example in command.examples[:1]][:3]
    parts = [
        f"{name} COMMAND …",
        _fill(about),
        "Commands:\n" + _rows(rows),
        "Examples:\n" + textwrap.indent("\n".join(examples), "  "),
        f"{name} COMMAND --help tells what a command takes" + ("." if path else "; htl --version, the version."),
    ]
    return "\n\n".join(parts)


def command_help(command: Command) -> str:
    """Return the help of one command: what it does, what it takes, examples."""
    required = [option for option in command.options.values() if option.required]
    others = [option for option in command.options.values() if not option.required]
    optional = [f"[{option.metavar}]" for option in others if option.by_position]
    usage = " ".join([command.name, *(option.metavar for option in required), *optional])
    paragraphs = [" ".join(part.split()) for part in command.description.split("\n\n")]
    parts = [f"{usage} [options]" if others else usage, *(_fill(part) for part in paragraphs)]
    if required:
        parts.append("Needed, in this order or as --name value:\n" + _rows([_row(option) for option in required]))
    if others:
        parts.append("Options:\n" + _rows([_row(option) for option in others]))
    return "\n\n".join([*parts, "Examples:\n" + textwrap.indent("\n".join(command.examples), "  ")])


def _row(option: Option) -> tuple[str, str]:
    if option.required:
        return option.metavar, option.text
    if option.default is True:
        return f"--[no]{option.name}", option.text
    stated = str(option.default) not in ("None", "False", "")  # 0 is a default like any other
    default = option.default if not isinstance(option.default, tuple) else ",".join(map(str, option.default))
    text = f"{option.text.rstrip('.')} [{default}]" if stated else option.text
    return f"{option.flag} {option.metavar}".rstrip(), text


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(
        _fill(text, initial_indent="  " + name.ljust(width), subsequent_indent=" " * (width + 2)) for name, text in rows
    )


def _fill(text: str, **indents: str) -> str:
    return textwrap.fill(text, _COLUMNS, break_on_hyphens=False, **indents)  # type: ignore[arg-type]


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
