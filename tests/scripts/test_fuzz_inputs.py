"""A small run of scripts/fuzz_inputs.py, and that it sees what it looks for."""

from __future__ import annotations

import importlib
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("fuzz_inputs")


@pytest.mark.slow
def test_damaged_inputs_are_read_or_refused_with_one_sentence(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = script.main(["--count", "60"])
    said = capsys.readouterr().out
    assert faults == 0, said
    assert [line.partition(":")[0] for line in said.splitlines()] == ["pictures", "csv", "json", "checkpoints"]
    assert said.count("60 cases") == 4 and " 0 read" not in said and " 0 refused" not in said


@pytest.fixture
def faults_of(script: ModuleType, tmp_path: Path) -> Callable[[Callable[[], object]], list[str]]:
    guard = script.Guard(tmp_path / "out")
    sys.addaudithook(guard)
    (tmp_path / "out").mkdir()

    def run(case: Callable[[], object]) -> list[str]:
        fuzzer = script.Fuzzer(tmp_path, 0.2, guard)
        fuzzer.run("case", case)
        return list(fuzzer.faults)

    return run


def refuse(error: Exception) -> Callable[[], None]:
    def case() -> None:
        raise error

    return case


def swallow_and_wait() -> None:
    try:
        time.sleep(60)
    except Exception:  # as a decoder's caller would
        pass


def test_what_ends_well_is_no_fault(faults_of: Callable, tmp_path: Path) -> None:
    assert faults_of(lambda: 1) == []
    assert faults_of(refuse(ValueError("size must be 3, got 4; cut it"))) == []
    assert faults_of(refuse(KeyError("the column id is missing; name it"))) == []
    assert faults_of((tmp_path / "out" / "result.txt").touch) == []


def test_each_bad_ending_is_seen(faults_of: Callable, tmp_path: Path) -> None:
    bad = {
        "error at test_fuzz_inputs.py": refuse(struct.error("unpack requires a buffer of 4 bytes")),
        "UnicodeDecodeError at": lambda: b"\xff".decode(),
        "RecursionError at": refuse(RecursionError("maximum recursion depth exceeded")),
        "MemoryError at": refuse(MemoryError()),
        "AssertionError at": refuse(AssertionError("taken")),
        "ValueError is no one sentence": refuse(ValueError("one line\nand another")),
        "ValueError is no one sentence: ''": refuse(ValueError()),
        "took more than 0.2 s": swallow_and_wait,
        "ran its payload": (tmp_path / "executed").touch,
        f"did open {tmp_path / 'beside'}": lambda: (tmp_path / "beside").write_text("x"),
        f"did os.mkdir {tmp_path / 'folder'}": (tmp_path / "folder").mkdir,
        "did os.system": lambda: os.system("true"),
    }
    for words, case in bad.items():
        assert any(words in fault for fault in faults_of(case)), words
