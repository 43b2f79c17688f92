"""Printing tables that fit the screen."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.data.files import read_table
from htl_monai.report.console import print_tables
from htl_monai.report.printed_table import WIDTH, print_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def words(text: str) -> list[str]:
    return text.split()


def test_numbers_are_whole_and_nothing_is_wider_than_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"group": ["seborrheic_keratosis", "<= 30"], "n_images": [1234567, 8]})
    table = table.assign(mean=[0.123456, np.nan], low=[-0.00784, 12345.678], high=[np.inf, 0.5], is_rare=[True, False])
    print_table("Whom it hits", table)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "Whom it hits" and max(map(len, lines)) <= WIDTH
    shown = set(words("\n".join(lines)))
    assert {"1234567", "0.123", "–", "-0.008", "12346", "inf", "True", "seborrheic"} <= shown


def test_columns_without_room_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame([np.arange(12) * 1e6], columns=[f"column_number{i}" for i in range(12)])
    print_table("Wide", table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= WIDTH and lines[-1].startswith("Also in the file: column_number")
    named = lines[-1].removeprefix("Also in the file: ").split(", ")
    assert named == [f"column_number{i}" for i in range(12 - len(named), 12)]


def test_a_name_of_a_file_is_printed_as_it_is_and_a_long_one_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Images", pd.DataFrame({"id": ["ISIC_0000001", "x" * 200], "n": [1, 2]}))
    text = capsys.readouterr().out
    assert "ISIC_0000001" in text and "".join(words(text)).count("x") == 200
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_terminal_has_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    print_table("T", pd.DataFrame([np.arange(9) * 1e5]).add_prefix("a_"))
    shown = re.sub(r"\x1b\[\d*m", "", screen.getvalue())
    assert max(map(len, shown.splitlines())) <= 40 and "Also in the file: a_" in shown


def test_every_table_of_a_run_fits_and_shows_all_that_it_is_meant_to(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("scores", "comparison", "impact", "groups", "detection")
    print_tables({name: read_table(finished_run / "reporting" / f"{name}.csv") for name in names})
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "Also in the file" not in text
    assert "at sparsity 0.7" in text and {"forgotten", "never"} <= set(words(text))


def test_notes_stand_below_with_the_rows_that_they_are_of(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"column": ["sex", "hard_group", "hard_group"], "group": ["unknown", "hair", "none"]})
    table = table.assign(n=[2, 9, 204], note=["too few to say", "too few to say", None])
    print_table("Whom it hits", table)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "too few to say: sex unknown, hard group hair"
    assert "note" not in " ".join(lines[:4])
