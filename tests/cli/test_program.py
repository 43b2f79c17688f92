"""``htl`` checks all words before anything runs, and hands on values as they were written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import htl_monai.clinic.predict
import htl_monai.data.preparation.check
import htl_monai.data.readers.datalists
import htl_monai.report.console
import htl_monai.report.long_tail
import htl_monai.runs.audit
import htl_monai.runs.plan
import htl_monai.runs.workflow
from htl_monai import __version__
from htl_monai.cli.program import COMMANDS

Htl = Callable[..., tuple[int, str, str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What the commands called, in place of doing it."""
    called: list[tuple[Any, ...]] = []

    def record(*arguments: Any, **named: Any) -> Path:
        called.append((*arguments, *named.values()))
        return tmp_path

    def stop(*arguments: Any, **named: Any) -> None:
        called.append((*arguments, named))
        raise ValueError("enough")

    for module, name in (
        (htl_monai.runs.plan, "plan_setting"),
        (htl_monai.report.long_tail, "write_pies"),
        (htl_monai.data.readers.datalists, "load_datalists"),
    ):
        monkeypatch.setattr(module, name, record)
    monkeypatch.setattr(htl_monai.runs.workflow, "run_plan", lambda plan, say: plan)
    monkeypatch.setattr(htl_monai.runs.audit, "audit", stop)
    for name in [name for name in vars(htl_monai.report.console) if name.startswith("print_")]:
        monkeypatch.setattr(htl_monai.report.console, name, lambda *arguments: None)
    return called


WRONG = {
    ("run", "supervised", "--sett", "a=1"): "--sett must be an option of .*; did you mean --set or --setting?",
    (
        "run",
        "supervised",
        "D",
        "O",
        "--max_epochs",
        "3",
    ): "which has --setting, --data, .*; .* goes into --set KEY=VALUE",
    ("audit", "M", "D", "O", "--sparsity", "0.5"): "--sparsity must .*; did you mean --sparsities?",
    ("audit",): "--model, --data, --out must be given",
    ("run", "supervised", "D"): "--out must be given",
    ("run", "supervised", "D", "O", "more"): "takes SETTING DATA OUT and nothing more without a name, got 'more'",
    ("pie", "RUN", "O"): "htl pie takes RUN_DIR and nothing more without a name, got 'O'",
    ("run", "supervised", "D", "O", "-s", "1"): "got -s; did you mean --setting or --seed or --seeds or --set?",
    ("demo", "-x"): "options must be written out, got -x; htl demo has --out, --setting, --seed",
    ("demo", "--seed", "abc"): "seed must be a whole number, got 'abc'",
    ("demo", "--seed", "1.5"): "seed must be a whole number, got '1.5'",
    ("demo", "--out"): "--out must have a value, got none; write --out OUT",
    ("demo", "--out", "a", "--out", "b"): "--out must be given once, got 'a' and 'b'; choose one",
    ("demo", "--", "--trace"): "-- must be an option of htl demo",
    ("data", "check", "D", "--nodecode=true"): "--nodecode must be an option .*; did you mean --decode?",
    ("data", "check", "D", "--decode", "False"): "takes DATA and nothing more without a name, got 'False'",
    ("rum",): "command after htl must be one of .*, got 'rum'; did you mean run?",
    ("data", "chek"): "after htl data must be one of check, phantom, xray-phantom, got 'chek'; did you mean check?",
    ("data", "--decode"): "a command must follow htl data, got --decode",
    ("--out", "x", "demo"): "a command must follow htl, got --out; options come after it",
    ("-V",): "a command must follow htl, got -V; did you mean --version?",
    ("--verison",): "a command must follow htl, got --verison; did you mean --version?",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_stop_before_anything_runs(htl: Htl, calls: list, words: tuple[str, ...]) -> None:
    code, out, err = htl(*words)
    assert (code, out, calls) == (2, "", [])
    assert pd.Series([err]).str.contains(f"^htl: .*{WRONG[words]}").all(), err
    assert err.splitlines()[-1].startswith("See: htl ") and err.endswith(" --help\n")


def test_all_that_is_wrong_with_the_values_is_said_at_once(htl: Htl, calls: list) -> None:
    code, _, err = htl("run", "supervised", "--data", "D", "--seed", "x", "--seeds", "1:x", "--set", "a")
    assert code == 2 and not calls
    assert [line.split(" must ")[0] for line in err.splitlines()] == [
        "htl: --out",
        "htl: seed",
        "htl: seeds",
        "htl: set",
        "See: htl run --help",
    ]


def test_words_that_look_like_numbers_stay_words(htl: Htl, calls: list) -> None:
    assert htl("run", "supervised", "007", "--out", "1e5", "--overlay", "2024", "--seed=-3")[0] == 0
    assert calls[0][:6] == ("supervised", "007", "1e5", ["2024"], -3, {})
    assert htl("audit", "1,2", "[a]", "{b}") == (1, "", "htl: enough\n")
    assert [calls[1][0][name] for name in ("model", "data", "out")] == ["1,2", "[a]", "{b}"]


def test_several_values_come_with_commas_or_by_repeating_the_option(htl: Htl, calls: list) -> None:
    words = ["--set", "max_epochs=3", "--set", "spatial_size=[32,48],precision=fp32", "--seeds", "0:2,7"]
    assert htl("run", "chest_xray", "D", "O", *words, "--overlay", "a.json,b.json")[0] == 0
    setting, data, out, overlays, seed, settings, seeds, _ = calls[0]
    assert (overlays, seed, seeds) == (["a.json", "b.json"], None, [0, 1, 7])
    assert settings == {"max_epochs": 3, "spatial_size": [32, 48], "precision": "fp32"}
    assert htl("audit", "M", "D", "O", "--sparsities", "0.5", "--sparsities", "0.7,0")[0] == 1
    assert calls[1][0]["sparsities"] == [0.5, 0.7, 0.0]


def test_the_options_of_an_audit_are_those_of_the_function() -> None:
    command, function = (inspect.signature(audit).parameters for audit in (COMMANDS["audit"], htl_monai.audit))
    defaults = {name: option.default for name, option in command.items() if name != "out"}
    assert defaults == {name: function[name].default for name in defaults}
    assert {*function} - {*command} == {"progress", "say"}


def test_required_options_come_by_position_or_by_name(htl: Htl, calls: list) -> None:
    assert htl("audit", "--data", "D", "M", "--out=O") == htl("audit", "M", "D", "O")
    assert calls[0] == calls[1] and calls[0][0]["out"] == "O"
    assert htl("pie", "RUN", "--sparsity", "1e-1")[0] == 0
    assert calls[2] == ("RUN", Path("RUN/reporting"), 0.1, 0.05)


@pytest.mark.parametrize(
    ("word", "decode"), [("--nodecode", False), ("--no-decode", False), ("--decode=False", False), ("--decode", True)]
)
def test_switches(htl: Htl, calls: list, monkeypatch: pytest.MonkeyPatch, word: str, decode: bool) -> None:
    seen: list[Any] = []

    def stop(datalists: Any, decode: bool, masks: bool, progress: bool) -> None:
        seen.append((decode, masks))
        raise ValueError("enough")

    monkeypatch.setattr(htl_monai.data.preparation.check, "check_data", stop)
    code, _, err = htl("data", "check", word, "D", "--columns", "id=case")
    assert (code, err) == (1, "htl: enough\n")
    assert calls[0][:2] == ("D", {"id": "case"}) and seen == [(decode, True)]


def test_errors_end_with_one_and_an_interrupt_with_a_hint(htl: Htl, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(htl_monai.clinic.predict, "predict", fail)
    error: BaseException = KeyError("no such thing")
    assert htl("predict", "M", "I", "O") == (1, "", "htl: no such thing\n")
    error = KeyboardInterrupt()
    code, _, err = htl("predict", "M", "I", "O")
    assert code == 130 and err == "htl: stopped; the same command starts anew\n"


def test_version(htl: Htl) -> None:
    assert htl("--version") == (0, f"htl {__version__}\n", "")


def test_a_dry_run_shows_stages_and_settings_and_writes_nothing(htl: Htl, tiny_phantom: Path, tmp_path: Path) -> None:
    words = ["--overlay", "sizes/cpu.json", "--set", "num_workers=0", "--dry-run"]
    code, out, err = htl("run", "supervised", str(tiny_phantom), str(tmp_path / "run"), *words)
    assert (code, err) == (0, "") and not (tmp_path / "run").exists()
    assert "\n  preparing          runs: not done yet\n  training           runs after preparing\n" in out
    assert '\n  network_size: "classical" → "slim"\n' in out and "\n  num_workers: 2 → 0\n" in out


def test_a_dry_run_refuses_the_folder_that_the_run_would(htl: Htl, tiny_phantom: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, out, err = htl("run", "supervised", str(tiny_phantom), str(tmp_path), "--dry-run")
    assert (code, out) == (1, "")
    assert "out must be a new folder or one that htl run made" in err and "holds other files" in err


def test_each_line_of_an_error_says_who_speaks(htl: Htl, tmp_path: Path) -> None:
    code, _, err = htl("run", "supervised", str(tmp_path), str(tmp_path / "run"), "--set", "rule=best,max_epochs=one")
    assert code == 1
    assert [line.split(" must ")[0] for line in err.splitlines()] == ["htl: max_epochs", "htl: rule"]
