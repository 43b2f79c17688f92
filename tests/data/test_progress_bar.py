"""How far long work is: bars on a terminal, lines elsewhere, and nothing where nothing is wanted."""

from __future__ import annotations

import multiprocessing
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from htl_monai.data.progress_bar import ProgressLines, progress_bar, shows_bars


class Clock:
    """Tells a time that goes on by ``step`` seconds whenever it is asked."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def watch(monkeypatch: pytest.MonkeyPatch, is_terminal: bool = True) -> None:
    """Make standard error, as it is inside a test, one that a person sees."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)


def test_lines_come_each_half_minute_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines(range(10), total=10, title="mining", clock=Clock(step=10))
    assert list(lines) == list(range(10))
    assert capsys.readouterr().err.splitlines() == [
        "mining: 3 of 10 images, about 2 min left",
        "mining: 6 of 10 images, about 53 s left",
        "mining: 9 of 10 images, about 13 s left",
        "mining: 10 of 10 images",
    ]


def test_short_work_without_figures_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(ProgressLines(range(3), total=3, title="evaluating", clock=Clock(step=0.1))) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_short_work_with_figures_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLines(total=2, title="training", unit="epoch", clock=Clock(step=0.1)) as lines:
        for loss in (0.5, 0.25):
            lines.set_postfix_str(f"loss {loss}")
            lines.update()
        lines.close()
    assert capsys.readouterr().err == "training: 2 of 2 epochs, loss 0.25\n"


def test_what_was_done_before_does_not_count_as_fast(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines(total=100, initial=90, title="decoding", clock=Clock(step=20))
    lines.update()
    lines.update()
    assert capsys.readouterr().err == "decoding: 92 of 100 images, about 4 min left\n"


def test_work_that_fails_does_not_claim_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="full"), ProgressLines(total=4, title="decoding") as lines:
        lines.update()
        raise OSError("full")
    assert capsys.readouterr().err == ""


def test_a_process_among_others_names_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(monkeypatch)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=1))
    monkeypatch.setattr(multiprocessing, "current_process", lambda: SimpleNamespace(name="seed_3/training"))
    assert not shows_bars()  # bars of several processes would overwrite each other
    with progress_bar(total=1, title="training", unit="epoch") as lines:
        lines.set_postfix_str("loss 0.5")
        lines.update()
    assert capsys.readouterr().err == "seed_3/training, training: 1 of 1 epochs, loss 0.5\n"


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
