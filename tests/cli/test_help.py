"""Help is made from the commands themselves, fits a screen, and its examples are commands that would run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from htl_monai.cli.arguments import read_arguments, split_command
from htl_monai.cli.command import Command, find_commands
from htl_monai.cli.program import COMMANDS

Htl = Callable[..., tuple[int, str, str]]
ALL = {command.name: command for command in find_commands(COMMANDS)}


def fits(text: str) -> bool:
    return len(text.splitlines()) < 40 and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_program_names_all_commands(htl: Htl, words: tuple[str, ...]) -> None:
    code, out, err = htl(*words)
    assert (code, err) == (0, "") and fits(out)
    assert all(re.search(rf"^  {name.removeprefix('htl ')} ", out, re.MULTILINE) for name in ALL)
    assert "htl --version" in out


@pytest.mark.parametrize("group", ["data", "reader-study"])
def test_a_group_names_its_commands(htl: Htl, group: str) -> None:
    code, out, err = htl(group)
    assert (code, err) == (0, "") and fits(out)
    assert htl(group, "--help") == (0, out, "")
    shown = {name.removeprefix("htl ") for name in ALL if re.search(rf"^  {name.removeprefix('htl ')} ", out, re.M)}
    assert shown == {name.removeprefix("htl ") for name in ALL if name.startswith(f"htl {group} ")}


@pytest.mark.parametrize("name", ALL)
def test_a_command_tells_what_it_takes_whatever_stands_before_help(htl: Htl, name: str) -> None:
    words = name.split()[1:]
    code, out, err = htl(*words, "--help")
    assert (code, err) == (0, "") and fits(out)
    assert htl(*words, "--sett", "-h") == (0, out, "")
    for option in ALL[name].options.values():
        assert (option.metavar if option.required else option.flag[2:]) in out
        assert option.text.split()[0] in out


@pytest.mark.parametrize("name", ALL)
def test_examples_are_commands_of_this_name(name: str) -> None:
    assert 1 <= len(ALL[name].examples) <= 3
    for example in ALL[name].examples:
        path, rest = split_command(COMMANDS, shlex.split(example)[1:])
        assert " ".join(("htl", *path)).replace("_", "-") == name
        assert read_arguments(ALL[name], rest).keys() <= ALL[name].options.keys()


def test_options_are_read_from_signature_and_docstring() -> None:
    def command(images: str, batch_size: int = 8, size: tuple[int, int] = (4, 6), decode: bool = True) -> None:
        """Do it.

        At once.

        Args:
            images: a folder, or
                a picture.
            batch_size: at once.
            size: in pixels.
            decode: open them.

        Examples:
            htl do it
        """

    read = Command(("do", "it"), command)
    assert read.description == "Do it.\n\nAt once." and read.examples == ["htl do it"]
    assert read.options["images"].text == "a folder, or a picture." and read.options["images"].required
    assert read.options["batch_size"].flag == "--batch-size" and read.options["batch_size"].metavar == "N"
    assert read_arguments(read, ["x", "--batch_size", "2", "--size", "[8, 9]", "--nodecode"]) == {
        "images": "x",
        "batch_size": "2",
        "size": "[8, 9]",
        "decode": "false",
    }
    assert read.options["size"].read("[8, 9]") == read.options["size"].read("8x9") == (8, 9)
    with pytest.raises(ValueError, match="size must be height and width in pixels, got '8'; write 96,128"):
        read.options["size"].read("8")


def test_a_default_of_nought_is_told_and_one_of_nothing_is_not(htl: Htl) -> None:
    _, out, _ = htl("data", "phantom", "--help")
    assert "images without mask [0]" in out
    _, out, _ = htl("run", "--help")
    assert "[None]" not in out and "[False]" not in out
