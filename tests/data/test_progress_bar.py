"""How far long work is: bars on a terminal, lines elsewhere, and nothing where nothing is wanted."""

from __future__ import annotations

import itertools
import multiprocessing
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from htl_monai.data.progress_bar import progress_bar, shows_bars


def watch(monkeypatch: pytest.MonkeyPatch, is_terminal: bool = True) -> None:
    """Make standard error, as it is inside a test, one that a person sees."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)


def test_lines_come_each_half_minute_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(step=10)
    monkeypatch.setattr(tqdm, "monitor_interval", 0)  # no thread that asks for the time
    lines = progress_bar(range(90, 100), total=100, initial=90, title="mining")
    lines._time = lambda: next(clock)
    lines.start_t = lines.last_print_t = 0
    assert list(lines) == list(range(90, 100))
    shown = capsys.readouterr().err.splitlines()
    assert 2 <= len(shown) <= 5 and len(set(shown)) == len(shown)
    assert shown[0].startswith("mining: 9") and shown[-1] == "mining: 100 of 100 images, 00:00 left"


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar(range(3), total=3, title="evaluating")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_process_among_others_names_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(monkeypatch)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=1))
    monkeypatch.setattr("htl_monai.data.progress_bar._INTERVAL_S", 0)
    monkeypatch.setattr(multiprocessing, "current_process", lambda: SimpleNamespace(name="seed_3/training"))
    assert not shows_bars()  # bars of several processes would overwrite each other
    with progress_bar(total=1, title="training", unit="epoch") as lines:
        lines.set_postfix_str("loss 0.5", refresh=False)
        lines.update()
    assert capsys.readouterr().err.endswith("\nseed_3/training, training: 1 of 1 epochs, loss 0.5, 00:00 left\n")


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    watch(monkeypatch)
    bar = progress_bar(range(3), total=3, title="mining")
    assert isinstance(bar, tqdm) and list(bar) == [0, 1, 2]
    assert "mining: 100%" in capsys.readouterr().err
    assert shows_bars() and not shows_bars(wanted=False)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_nothing_is_shown_where_it_is_not_wanted(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(monkeypatch, is_terminal)
    assert list(progress_bar(range(3), total=3, title="mining", show=False)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
