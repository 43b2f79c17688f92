"""Why a stage must run, in words; and that a damaged note is none."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from htl_monai.runs.provenance import Origin, entries_behind, why_to_run, write_provenance

ORIGIN = Origin({"rate": 0.1, "run": ["$@go"]}, {"training/dense.pt": "ab"}, "cd", {"htl_monai.a": "1", "torch": "2.1"})


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """The folder of a finished stage."""
    folder = tmp_path / "mining"
    folder.mkdir()
    (folder / "table.csv").write_text("a\n1\n", encoding="utf-8")
    config = {**ORIGIN.config, "of_another_stage": 3}
    write_provenance(folder, ORIGIN, config, {"seed": 1}, [folder / "table.csv"])
    return folder


def test_what_is_done_need_not_run(stage: Path) -> None:
    assert why_to_run(stage, ORIGIN) is None
    record = json.loads((stage / "provenance.json").read_text(encoding="utf-8"))
    assert record["fingerprint"] == ORIGIN.fingerprint and record["code"] == ORIGIN.code
    assert record["inputs"] == ORIGIN.inputs and record["data"] == "cd" and record["config"]["of_another_stage"] == 3


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("config", {"rate": 0.2, "run": ["$@go"]}, "rate changed"),
        ("config", {"rate": 0.1, "run": ["$@go"], "new": 1}, "new changed"),
        ("inputs", {"training/dense.pt": "xy"}, "training/dense.pt changed"),
        ("data", "xy", "data changed"),
        ("code", {"htl_monai.a": "2", "torch": "2.1"}, "code (htl_monai.a) changed"),
        ("code", {"htl_monai.b": "1", "torch": "2.2"}, "code (htl_monai.b, torch, htl_monai.a) changed"),
    ],
)
def test_what_changed_is_named(stage: Path, part: str, value: object, words: str) -> None:
    assert why_to_run(stage, dataclasses.replace(ORIGIN, **{part: value})) == words


def test_results_that_are_lost_or_changed_are_named(stage: Path) -> None:
    (stage / "table.csv").write_text("a\n2\n", encoding="utf-8")
    assert why_to_run(stage, ORIGIN) == "table.csv changed"
    (stage / "table.csv").unlink()
    assert why_to_run(stage, ORIGIN) == "table.csv is missing"
    (stage / "provenance.json").unlink()
    assert why_to_run(stage, ORIGIN) == "not done yet"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"outputs": {}}', '{"fingerprint": "a", "outputs": 3}', "\udcff"]
)
def test_a_damaged_record_makes_the_stage_run_again(stage: Path, text: str) -> None:
    (stage / "provenance.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert why_to_run(stage, ORIGIN) == "its provenance.json is damaged"
    # Whatever else is in it, words are found and nothing is raised.
    odd = {"fingerprint": "other", "outputs": {}, "config": 3, "inputs": None, "code": []}
    (stage / "provenance.json").write_text(json.dumps(odd), encoding="utf-8")
    assert str(why_to_run(stage, ORIGIN)).endswith("changed")


def test_what_is_switched_off_is_not_behind_a_stage() -> None:
    handlers = [{"wanted": "@record", "task": "@task"}, {"_disabled_": "@blind", "of": "@chance"}, {"path": "@path"}]
    config = {"record": False, "blind": True, "task": 1, "chance": 2, "path": "x", "go": {"handlers": handlers}}
    assert entries_behind(config, "go") == {"go": {"handlers": [{"path": "@path"}]}, "path": "x"}
    assert entries_behind({**config, "record": True, "blind": False}, "go").keys() == config.keys()
