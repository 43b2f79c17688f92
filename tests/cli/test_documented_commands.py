"""What the documentation tells a reader to type are commands that ``htl`` takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from htl_monai.cli.arguments import read_arguments, split_command
from htl_monai.cli.command import find_commands
from htl_monai.cli.program import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *(page for folder in ("docs", "results", "bundle/*/docs") for page in sorted(ROOT.glob(f"{folder}/*.md"))),
]
ALL = {command.path: command for command in find_commands(COMMANDS)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whole_commands_are_complete_and_those_in_a_sentence_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for line in re.findall("^ {4}(htl [a-z].*)", text, re.MULTILINE):
        path, words = split_command(COMMANDS, shlex.split(line, comments=True)[1:])
        read_arguments(ALL[path], words)
    for line in re.findall("`(htl [a-z][^`\n]*)`", text):
        path, words = split_command(COMMANDS, line.split()[1:])
        flags = {word.split("=")[0] for word in words if word.startswith("--")}
        options = {
            option.flag
            for found, command in ALL.items()
            if found[: len(path)] == path
            for option in command.options.values()
        }
        assert flags <= options | {"--list"}, line


def test_a_command_that_does_not_exist_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for wrong in ("    htl mine MODEL DATA\n", "see `htl run --colums a=b`", "    htl run supervised DATA\n"):
        page.write_text(wrong, encoding="utf-8")
        with pytest.raises((ValueError, AssertionError)):
            test_whole_commands_are_complete_and_those_in_a_sentence_exist(page)
