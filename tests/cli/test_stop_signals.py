"""A command that is asked to end says what the next one does, and leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

import htl_monai.clinic.predict
import htl_monai.runs.plan
from htl_monai.cli import main
from htl_monai.cli.stop_signals import Stopped, stoppable
from htl_monai.data.files import write_atomically
from htl_monai.runs.output_folder import output_folder

GOES_ON = "htl: stopped; the same command goes on from the last checkpoint\n"
STARTS_ANEW = "htl: stopped; the same command starts anew\n"


@pytest.fixture
def get_signal(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signal, to be set, that comes while a command writes a file."""
    number: list[int] = []

    def interrupted(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        os.kill(os.getpid(), number[0])

    def work(*arguments: object, **named: object) -> None:
        with output_folder(arguments[2], "run") as folder:
            write_atomically(folder / "table.csv", interrupted)

    monkeypatch.setattr(htl_monai.runs.plan, "plan_setting", work)
    monkeypatch.setattr(htl_monai.clinic.predict, "predict", work)
    return number


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
@pytest.mark.parametrize(("command", "words"), [("run", GOES_ON), ("predict", STARTS_ANEW)])
def test_signals_end_a_command_as_ctrl_c_does(
    get_signal: list[int],
    number: int,
    code: int,
    command: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    get_signal.append(number)
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]
    monkeypatch.setattr(sys, "argv", ["htl", command, "supervised", "data", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == code and capsys.readouterr().err == words
    assert not (tmp_path / "out").exists()
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(Stopped), stoppable():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)
