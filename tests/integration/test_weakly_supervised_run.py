"""The whole weakly supervised setting on a small phantom: diagnoses to train on, heat maps to localize with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan
from htl_monai.scores import read_scores
from htl_monai.tasks.heat_map_localization import HeatMapLocalization

STAGES = stages_of(read_setting("weakly_supervised"))
EDGES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
BASELINES = ["whole", "centre_box", "otsu"]
CHANGES = {
    "backbone#norm": ["batch", {"momentum": 0.5}],  # so that few batches suffice
    "hidden_channels": 8,
    "learning_rate": 0.01,
    "spatial_size": [32, 48],  # smaller than the images
    "validation_share": 0.2,
    "finetune_epochs": 1,
}


@pytest.fixture(scope="module")
def small(tiny_settings: dict) -> dict:
    return {name: value for name, value in tiny_settings.items() if not name.startswith("network_def")} | CHANGES


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"test": 4, "unlabelled": 14}
    return write_phantom(tmp_path_factory.mktemp("phantom"), counts, size=(48, 64), seed=1, hard_fraction=0.25)


@pytest.fixture(scope="module")
def finished(phantom: Path, small: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only, see ``copied``."""
    out = tmp_path_factory.mktemp("finished") / "run"
    run(phantom, out, small)
    return out


def run(data: Path, out: Path, settings: dict, **words: Any) -> dict[str, str]:
    """Run, and return what was said of each stage."""
    said: list[str] = []
    run_plan(plan_setting("weakly_supervised", data, out, settings=settings, progress=False, **words), said.append)
    return dict(text.split(": ", 1) for text in said)


def assert_boxes_lie_in_the_image(boxes: pd.DataFrame) -> None:
    x_min, y_min, x_max, y_max = boxes.dropna().to_numpy().T
    assert len(x_min) and (boxes.dropna() % 1 == 0).all(axis=None)
    assert (0 <= x_min).all() and (x_min < x_max).all() and (x_max <= 64).all()
    assert (0 <= y_min).all() and (y_min < y_max).all() and (y_max <= 48).all()


def test_every_stage_writes_its_outputs(finished: Path) -> None:
    for stage in STAGES:
        record = json.loads((finished / stage.name / "provenance.json").read_text(encoding="utf-8"))
        assert set(record["outputs"]) == set(stage.outputs) and set(record["inputs"]) == set(stage.inputs)
        assert not list((finished / stage.name).rglob(".*"))


def test_boxes_of_heat_maps_are_mined_without_masks(finished: Path) -> None:
    training = json.loads((finished / "preparing" / "data.json").read_text())["training"]
    assert not any("label" in item for item in training)
    scores = read_scores(finished / "mining" / "scores.nc")
    assert set(HeatMapLocalization.says) <= set(scores.data_vars) and not scores.attrs["labelled"]
    table = forgetting_table(scores)
    assert table["id"].tolist() == [item["id"] for item in training for _ in range(2)]
    assert table["diagnosis"].tolist() == [item["diagnosis"] for item in training for _ in range(2)]
    assert (table["box_agreement_dense"] == 1).all() and table["box_agreement_pruned"].between(0, 1).all()
    np.testing.assert_allclose(table["forgetting"], 1 - table["box_agreement_pruned"])
    for state in ("dense", "pruned"):
        assert_boxes_lie_in_the_image(table[[f"{edge}_{state}" for edge in EDGES]])


def test_fine_tuning_is_on_the_boxes_that_moved_most(finished: Path) -> None:
    table = forgetting_table(read_scores(finished / "mining" / "scores.nc")).query("sparsity == 0.7")
    hardest = table.sort_values("forgetting", ascending=False, kind="stable")["id"].tolist()
    arms = {arm: json.loads((finished / "selecting" / f"{arm}.json").read_text()) for arm in ("htl", "random")}
    count = max(1, round(0.3 * len(table)))
    assert [item["id"] for item in arms["htl"]["data"]] == hardest[:count] and len(arms["random"]["data"]) == count
    dense = torch.load(finished / "training" / "dense.pt", weights_only=True)
    tuned = torch.load(finished / "finetuning_htl" / "model.pt", weights_only=True)
    assert dense.keys() == tuned.keys() and any(not torch.equal(dense[key], tuned[key]) for key in dense)


def test_heat_maps_are_tested_on_masks_beside_plain_baselines(finished: Path) -> None:
    summary = pd.read_csv(finished / "reporting" / "scores.csv").set_index("model")
    assert summary.index.tolist() == ["dense", "htl", "random", *BASELINES]
    for model in summary.index:
        table = pd.read_csv(finished / f"evaluating_{model}" / "scores.csv")
        assert table["id"].tolist() == [f"test_{number:05d}" for number in range(4)]
        assert_boxes_lie_in_the_image(table[list(EDGES)])
        for score in ("foreground_iou", "box_iou", "box_foreground_iou"):
            assert summary.loc[model, score] == pytest.approx(table[score].mean())
    whole = pd.read_csv(finished / "evaluating_whole" / "scores.csv")
    assert whole["foreground_iou"].tolist() == pytest.approx(whole["lesion_fraction"].tolist(), abs=0.02)
    assert (whole[list(EDGES)] == [0, 0, 64, 48]).all(axis=None)
    comparison = pd.read_csv(finished / "reporting" / "comparison.csv")
    assert set(comparison["model"]) == {"htl", "random"}
    assert {"box_iou", "box_foreground_iou", "foreground_iou"} <= set(comparison["score"])


def test_the_report_is_of_boxes(finished: Path) -> None:
    impact = pd.read_csv(finished / "reporting" / "impact.csv")
    assert impact["sparsity"].tolist() == [0.5, 0.7] and impact["box_drop"].between(0, 1).all()
    groups = pd.read_csv(finished / "reporting" / "groups.csv")
    assert {"sex", "age_group", "diagnosis", "hard_group"} <= set(groups["column"])
    assert pd.read_csv(finished / "reporting" / "detection.csv")["ranking"].tolist() == ["forgetting"]


def test_a_second_call_does_nothing(phantom: Path, small: dict, copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()}
    assert set(run(phantom, copied, small).values()) == {"done already"}
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()} == before


def test_another_layer_repeats_what_looks_at_it(phantom: Path, small: dict, copied: Path) -> None:
    said = run(phantom, copied, {**small, "cam_layer": "backbone.upcat_1", "cam_method": "GradCAM"})
    again = {stage for stage, words in said.items() if words != "done already"}
    assert {"mining", "evaluating_dense"} <= again and not {"preparing", "training"} & again


def test_weighted_sampling_can_mine_again_while_it_tunes(
    phantom: Path, small: dict, copied: Path, tmp_path: Path
) -> None:
    changes = {"finetune_epochs": 2, "finetune_learning_rate": 0.01}
    arm = tmp_path / "remined.json"
    arm.write_text('{"policy": {"_target_": "htl_monai.attention.remine.Remine", "remine_every": 1}}')
    said = run(phantom, copied, {**small, **changes}, arms=["htl", str(arm)])
    assert said["finetuning_remined"] == "running" and said["mining"] == "done already"
    before = forgetting_table(read_scores(copied / "mining" / "scores.nc")).query("sparsity == 0.7")
    again = forgetting_table(read_scores(copied / "finetuning_remined" / "scores.nc"))
    assert again["id"].tolist() == before["id"].tolist() and again.columns.tolist() == before.columns.tolist()
    assert again["box_agreement_pruned"].tolist() != before["box_agreement_pruned"].tolist()


def test_a_run_killed_in_training_and_mining_ends_as_an_undisturbed_one(
    phantom: Path,
    small: dict,
    finished: Path,
    tmp_path: Path,
    kill_when: Callable,
    assert_same_results: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "run"
    for path in (out / "training" / "checkpoint.pt", out / "mining" / "started.json"):
        plan = plan_setting("weakly_supervised", phantom, out, settings=small, progress=False)
        kill_when(path.exists, run_plan, plan, str)
        assert not (path.parent / "provenance.json").exists()
    assert not (out / "mining" / "scores.nc").exists()
    assert run(phantom, out, small)["training"] == "done already"
    assert_same_results("weakly_supervised", finished, out)


def test_two_processes_mine_the_table_of_one(
    finished: Path, copied: Path, small: dict, in_two_processes: Callable
) -> None:
    shutil.rmtree(copied / "mining")
    names = ("features", "hidden_channels", "spatial_size", "batch_size", "num_workers", "sparsities")
    places = {"output_dir": copied, "dataset_dir": copied / "preparing" / "data.json"}
    configs = ["train.json", "stages/mine.json", "stages/multi_gpu.json"]
    in_two_processes("lesion_weak_localization", "mining", configs, {**{n: small[n] for n in names}, **places})
    for name in ("ranking.csv", "sparsity.csv"):
        one, two = (pd.read_csv(out / "mining" / name) for out in (finished, copied))
        pd.testing.assert_frame_equal(one, two, rtol=1e-5)  # finer than one pixel of an IoU
