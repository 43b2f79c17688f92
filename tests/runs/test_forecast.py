"""What a dry run says of each stage, on runs whose stages were never run: their notes are written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.runs.forecast import differing, forecast
from htl_monai.runs.plan import Plan, plan_setting
from htl_monai.runs.provenance import write_provenance

NAMES = (
    "preparing training mining selecting finetuning_htl finetuning_random evaluating_dense evaluating_htl "
    "evaluating_random reporting"
).split()


@pytest.fixture
def plan_of(tiny_phantom: Path, tmp_path: Path) -> Any:
    def plan(**words: Any) -> Plan:
        return plan_setting("supervised", tiny_phantom, tmp_path / "run", **words)

    return plan


def finish(plan: Plan, *names: str) -> None:
    """Write what these stages would leave behind."""
    for planned in plan.stages:
        if planned.stage.name in names:
            planned.folder.mkdir(parents=True, exist_ok=True)
            outputs = [planned.folder / name for name in planned.stage.outputs]
            for path in outputs:
                path.write_text(f"made by {planned.stage.name}")
            write_provenance(planned.folder, planned.origin(), planned.config, {}, outputs)


def test_a_new_run_runs_all_in_order_and_nothing_is_written(plan_of: Any, tmp_path: Path) -> None:
    said = forecast(plan_of())
    assert list(said) == NAMES
    assert said["preparing"] == "runs: not done yet" and said["training"] == "runs after preparing"
    assert said["evaluating_htl"] == "runs after preparing, finetuning_htl"
    assert not (tmp_path / "run").exists()


def test_done_stages_are_done_and_the_next_one_runs(plan_of: Any) -> None:
    finish(plan_of(), "preparing", "training")
    said = forecast(plan_of())
    assert said["preparing"] == said["training"] == "done already"
    assert said["mining"] == "runs: not done yet" and said["selecting"] == "runs after mining"
    finish(plan_of(), *NAMES)
    assert set(forecast(plan_of()).values()) == {"done already"}


def test_a_changed_setting_and_what_may_follow_from_it(plan_of: Any) -> None:
    finish(plan_of(), *NAMES)
    said = forecast(plan_of(settings={"amount": 0.3}))
    assert said["selecting"] == "runs again: amount changed"
    again = "done; runs again if selecting ends otherwise than before"
    assert said["finetuning_htl"] == said["finetuning_random"] == again
    assert said["evaluating_htl"] == "done; runs again if finetuning_htl ends otherwise than before"
    assert {said[name] for name in ("preparing", "training", "mining", "evaluating_dense")} == {"done already"}
    assert said["reporting"].startswith("done; runs again if evaluating_htl, evaluating_random end otherwise")


def test_changed_code_and_changed_files_are_named(plan_of: Any) -> None:
    finish(plan_of(), *NAMES)
    folders = {planned.stage.name: planned.folder for planned in plan_of().stages}
    record = json.loads((folders["mining"] / "provenance.json").read_text())
    record["fingerprint"], record["code"] = "old", {**record["code"], "torch": "1.0"}
    (folders["mining"] / "provenance.json").write_text(json.dumps(record))
    (folders["evaluating_dense"] / "scores.csv").write_text("edited")
    said = forecast(plan_of())
    assert said["mining"] == "runs again: code (torch) changed"
    assert said["evaluating_dense"] == "runs again: scores.csv changed"


def test_a_checkpoint_is_gone_on_from(plan_of: Any) -> None:
    finish(plan_of(), "preparing")
    training = plan_of().stages[1]
    training.folder.mkdir()
    (training.folder / "started.json").write_text(json.dumps({"fingerprint": training.origin().fingerprint}))
    assert forecast(plan_of())["training"] == "runs: not done yet"
    (training.folder / "checkpoint.pt").touch()
    assert forecast(plan_of())["training"] == "goes on from its last checkpoint"
    assert forecast(plan_of(settings={"max_epochs": 3}))["training"] == "runs: not done yet"


def test_settings_that_are_not_the_bundles(plan_of: Any) -> None:
    settings = {"max_epochs": 3, "batch_size": 64, "train#dataset#cache_rate": 0.5, "finetune_epochs": 2}
    plan = plan_of(seed=5, settings=settings)
    assert differing(plan) == {
        "seed": (10, 5),
        "max_epochs": (100, 3),
        "train#dataset#cache_rate": (1.0, 0.5),
        "finetune_epochs": (20, 2),
    }
    assert not differing(plan_of())
