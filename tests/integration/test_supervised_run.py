"""The whole supervised setting on a small phantom: what it writes, skips, repeats, and that a kill changes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.runs import code_digest
from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan
from htl_monai.scores import read_scores

STAGES = [stage.name for stage in stages_of(read_setting("supervised"))]


def run(data: Path, out: Path, settings: dict, **arguments) -> dict[str, str]:
    """Run, and return what was said of each stage."""
    said: list[str] = []
    run_plan(plan_setting("supervised", data, out, settings=settings, progress=False, **arguments), said.append)
    return dict(text.split(": ", 1) for text in said)


def test_every_stage_writes_its_outputs_and_their_provenance(finished_run: Path) -> None:
    for stage in stages_of(read_setting("supervised")):
        record = json.loads((finished_run / stage.name / "provenance.json").read_text(encoding="utf-8"))
        assert set(record["outputs"]) == set(stage.outputs)
        assert set(record["inputs"]) == set(stage.inputs)
        assert record["run_id"] == stage.run_id
        assert record["seed"] == 10 and record["device"] == "cpu"
        assert record["versions"]["monai"] and record["config"]["features"] == [8, 8, 16, 16, 32, 8]
        assert not list((finished_run / stage.name).glob(".*"))


def test_tables_have_a_row_for_every_image(finished_run: Path) -> None:
    table = forgetting_table(read_scores(finished_run / "mining" / "scores.nc"))
    assert len(table) == 9 * 2 and table["id"].nunique() == 9
    assert table["sparsity"].unique().tolist() == [0.5, 0.7]
    assert table["foreground_iou_dense"].max() > 0  # it learned something that can be forgotten
    drop = table["foreground_iou_dense"] - table["foreground_iou_pruned"]
    assert table["forgetting"].to_list() == drop.to_list()
    scores = {arm: pd.read_csv(finished_run / f"evaluating_{arm}" / "scores.csv") for arm in ("dense", "htl", "random")}
    assert all(frame["id"].tolist() == [f"test_{i:05d}" for i in range(4)] for frame in scores.values())
    summary = pd.read_csv(finished_run / "reporting" / "scores.csv").set_index("model")
    for arm, frame in scores.items():
        assert summary.loc[arm, "foreground_iou"] == pytest.approx(frame["foreground_iou"].mean())
    epochs = pd.read_csv(finished_run / "training" / "epochs.csv")
    assert epochs["epoch"].tolist() == [1, 2, 3, 4]
    assert epochs["learning_rate"].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.01])


def test_networks_differ_and_carry_no_pruning_residue(finished_run: Path) -> None:
    dense = torch.load(finished_run / "training" / "dense.pt", weights_only=True)
    tuned = torch.load(finished_run / "finetuning_htl" / "model.pt", weights_only=True)
    assert dense.keys() == tuned.keys()
    assert not [key for key in dense if "mask" in key or "orig" in key or key.startswith("module.")]
    assert any(not torch.equal(dense[key], tuned[key]) for key in dense)


def test_a_second_call_does_nothing(tiny_phantom: Path, tiny_run: Path, tiny: dict) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("[!.]*") if path.is_file()}
    assert set(run(tiny_phantom, tiny_run, tiny).values()) == {"done already"}
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("[!.]*") if path.is_file()} == before


def test_a_changed_setting_repeats_its_stage_and_those_after_it(tiny_phantom: Path, tiny_run: Path, tiny: dict) -> None:
    said = run(tiny_phantom, tiny_run, {**tiny, "finetune_learning_rate": 0.02})
    again = {stage for stage in STAGES if said[stage].startswith("running again: ")}
    assert again == {"finetuning_htl", "finetuning_random", "evaluating_htl", "evaluating_random", "reporting"}
    assert {said[stage] for stage in STAGES if stage not in again} == {"done already"}
    assert said["finetuning_htl"] == "running again: finetune_learning_rate changed"
    assert said["evaluating_htl"] == "running again: finetuning_htl/model.pt changed"


def test_a_changed_scorer_repeats_mining_and_no_training(
    tiny_phantom: Path, tiny_run: Path, tiny: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tiny_run.parent / "htl_monai"
    shutil.copytree(code_digest._PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest, "_PACKAGE", package)
    scorer = package / "tasks" / "segmentation.py"
    scorer.write_text(scorer.read_text(encoding="utf-8") + "\nCHANGED = 1\n", encoding="utf-8")
    said = run(tiny_phantom, tiny_run, tiny)
    assert said["training"] == "done already"
    # Its table is the same, so what is made from the table alone stays.
    assert said["mining"] == "running again: code (htl_monai.tasks.segmentation) changed"
    assert said["selecting"] == "done already"


@pytest.mark.parametrize("note", ["started.json", "provenance.json"])
def test_a_damaged_note_makes_its_stage_run_again(tiny_phantom: Path, tiny_run: Path, tiny: dict, note: str) -> None:
    (tiny_run / "selecting" / note).write_text("{", encoding="utf-8")
    said = run(tiny_phantom, tiny_run, tiny)
    again = {stage for stage in STAGES if said[stage] != "done already"}
    assert again == ({"selecting"} if note == "provenance.json" else set())


def test_places_are_no_settings(tiny_phantom: Path, tiny_run: Path, tiny: dict) -> None:
    said = run(tiny_phantom, tiny_run, {**tiny, "mlflow_uri": "elsewhere"})
    assert set(said.values()) == {"done already"}


def test_a_changed_seed_drops_the_checkpoint_of_the_old_one(tiny_phantom: Path, tmp_path: Path, tiny: dict) -> None:
    class Stop(Exception):
        pass

    def stop_before_mining(text: str) -> None:
        said.append(text)
        if text.startswith("mining"):
            raise Stop

    for seed, expected in ((1, "running"), (2, "running")):
        said: list[str] = []
        with pytest.raises(Stop):
            run_plan(
                plan_setting(
                    "supervised",
                    tiny_phantom,
                    tmp_path / "run",
                    settings={**tiny, "max_epochs": 1},
                    seed=seed,
                    progress=False,
                ),
                stop_before_mining,
            )
        assert said[1] == f"training: {expected}"
        if seed == 1:  # as a kill would leave it
            (tmp_path / "run" / "training" / "provenance.json").unlink()
            (tmp_path / "run" / "training" / "checkpoint.pt").write_bytes(b"of seed 1: to be read by nobody")
    record = json.loads((tmp_path / "run" / "training" / "provenance.json").read_text(encoding="utf-8"))
    assert record["seed"] == 2


def test_a_lost_output_is_made_again(
    tiny_phantom: Path, tiny_run: Path, finished_run: Path, tiny: dict, assert_same_results: Callable
) -> None:
    (tiny_run / "finetuning_htl" / "model.pt").unlink()
    said = run(tiny_phantom, tiny_run, tiny)
    assert [stage for stage in STAGES if said[stage] != "done already"] == ["finetuning_htl"]
    assert_same_results("supervised", finished_run, tiny_run)


def test_an_image_that_changed_under_its_name_starts_all_anew(tmp_path: Path, tiny: dict) -> None:
    counts = {"training": 4, "validation": 1, "test": 1}
    data = write_phantom(tmp_path / "phantom", counts, size=(48, 64), seed=2, hard_fraction=0.5)
    settings = {**tiny, "max_epochs": 1, "finetune_epochs": 1, "rule": "count", "amount": 1, "seed": 3}

    class Stop(Exception):
        pass

    said: list[str] = []

    def stop_before_mining(text: str) -> None:
        said.append(text)
        if text.startswith("mining"):
            raise Stop

    for _ in range(2):
        with pytest.raises(Stop):
            run_plan(
                plan_setting("supervised", data, tmp_path / "run", settings=settings, progress=False),
                stop_before_mining,
            )
        os.utime(next((data / "images").glob("training_*.jpg")), ns=(1, 1))
    trainings = [text for text in said if text.startswith("training: ")]
    assert trainings[0] == "training: running" and len(trainings) == 2
    assert trainings[1].startswith("training: running again: ") and trainings[1].endswith("data changed")


def test_a_run_killed_in_each_long_stage_ends_as_an_undisturbed_one(
    tiny_phantom: Path,
    finished_run: Path,
    tmp_path: Path,
    tiny: dict,
    kill_when: Callable,
    assert_same_results: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "run"

    def kill_after(path: Path) -> None:
        plan = plan_setting("supervised", tiny_phantom, out, settings=tiny, progress=False)
        kill_when(path.exists, run_plan, plan, str)

    kill_after(out / "training" / "checkpoint.pt")
    assert not (out / "training" / "provenance.json").exists()
    kill_after(out / "mining" / "started.json")
    assert not (out / "mining" / "scores.nc").exists()
    kill_after(out / "finetuning_htl" / "checkpoint.pt")
    assert not (out / "finetuning_htl" / "provenance.json").exists()
    said = run(tiny_phantom, out, tiny)
    assert said["mining"] == "done already"
    assert said["finetuning_htl"] == "going on from its last checkpoint"
    assert_same_results("supervised", finished_run, out)
