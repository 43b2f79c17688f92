"""The whole semi-supervised setting on a small phantom with images without mask."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import htl_monai.handlers.pseudo_label_writer
from htl_monai.data.files import TEMPORARY
from htl_monai.localization.boxes import mask_to_box
from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan
from htl_monai.scores import read_scores

STAGES = stages_of(read_setting("semi_supervised"))
N_TRAINING, N_UNLABELLED = 6, 7

CHANGES = {
    "spatial_size": [32, 48],  # smaller than the images
    "finetune_epochs": 1,
    "amount": 0.4,
    "min_confidence": 0.5,
}


@pytest.fixture(scope="module")
def small(tiny_settings: dict) -> dict:
    return {**tiny_settings, **CHANGES}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"training": N_TRAINING, "validation": 2, "test": 3, "unlabelled": N_UNLABELLED}
    return write_phantom(tmp_path_factory.mktemp("phantom"), counts, size=(48, 64), seed=1, hard_fraction=0.25)


@pytest.fixture(scope="module")
def finished(phantom: Path, small: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only, see ``copied``."""
    out = tmp_path_factory.mktemp("finished") / "run"
    run(phantom, out, small)
    return out


def run(data: Path, out: Path, settings: dict) -> dict[str, str]:
    """Run, and return what was said of each stage."""
    said: list[str] = []
    run_plan(plan_setting("semi_supervised", data, out, settings=settings, progress=False), said.append)
    return dict(text.split(": ", 1) for text in said)


def run_slowly(data: Path, out: Path, settings: dict) -> None:
    """Run, half a second a pseudo-label."""
    torch.set_num_threads(1)
    module = htl_monai.handlers.pseudo_label_writer
    write = module.write_pseudo_label

    def write_slowly(*arguments) -> None:
        write(*arguments)
        time.sleep(0.5)

    module.write_pseudo_label = write_slowly
    run(data, out, settings)


def again(said: dict[str, str]) -> set[str]:
    return {stage for stage, words in said.items() if words != "done already"}


def test_every_stage_writes_its_outputs(finished: Path) -> None:
    for stage in STAGES:
        record = json.loads((finished / stage.name / "provenance.json").read_text(encoding="utf-8"))
        assert set(record["outputs"]) == set(stage.outputs) and set(record["inputs"]) == set(stage.inputs)
        assert not list((finished / stage.name).rglob(".*"))


def test_pseudo_labels_are_masks_of_the_original_images(finished: Path) -> None:
    unlabelled = json.loads((finished / "preparing" / "data.json").read_text())["unlabelled"]
    table = pd.read_csv(finished / "pseudo_labelling" / "pseudo_labels.csv")
    assert table["id"].tolist() == [item["id"] for item in unlabelled] and len(table) == N_UNLABELLED
    for row in table.itertuples():
        mask = np.asarray(Image.open(finished / "pseudo_labelling" / row.label))
        assert mask.shape == (48, 64) and row.area_px == (mask > 0).sum()
        if row.area_px:
            assert (row.x_min, row.y_min, row.x_max, row.y_max) == mask_to_box(mask)
            assert 0.5 < row.confidence <= 1
    assert table["area_px"].max() > 0  # it learned something


def test_unlabelled_images_are_mined_by_their_boxes(finished: Path) -> None:
    table = forgetting_table(read_scores(finished / "mining_unlabelled" / "scores.nc"))
    assert len(table) == 2 * N_UNLABELLED and table["id"].nunique() == N_UNLABELLED
    assert (table["box_agreement_dense"] == 1).all() and table["box_agreement_pruned"].between(0, 1).all()
    np.testing.assert_allclose(table["forgetting"], 1 - table["box_agreement_pruned"])
    labelled = forgetting_table(read_scores(finished / "mining" / "scores.nc"))
    assert labelled["id"].nunique() == N_TRAINING and "foreground_iou_pruned" in labelled


def test_fine_tuning_is_on_the_hard_ones_with_a_pseudo_label(finished: Path) -> None:
    arms = {arm: json.loads((finished / "selecting" / f"{arm}.json").read_text()) for arm in ("htl", "random")}
    table = forgetting_table(read_scores(finished / "mining_unlabelled" / "scores.nc")).query("sparsity == 0.7")
    labels = pd.read_csv(finished / "pseudo_labelling" / "pseudo_labels.csv").set_index("id")
    sure = table[table["id"].map(labels["confidence"] > 0)].sort_values("forgetting", ascending=False, kind="stable")
    count = max(1, round(0.4 * len(sure)))
    assert [item["id"] for item in arms["htl"]["data"]] == sure["id"].head(count).tolist()
    assert len(arms["random"]["data"]) == count and all(item["pseudo"] for item in arms["random"]["data"])
    assert arms["htl"]["n_empty"] == N_UNLABELLED - len(sure)
    dense = torch.load(finished / "training" / "dense.pt", weights_only=True)
    tuned = torch.load(finished / "finetuning_htl" / "model.pt", weights_only=True)
    assert any(not torch.equal(dense[key], tuned[key]) for key in dense)


def test_the_report_is_of_the_unlabelled_images(finished: Path) -> None:
    impact = pd.read_csv(finished / "reporting" / "impact_unlabelled.csv")
    assert impact["sparsity"].tolist() == [0.5, 0.7] and (impact["n"] == N_UNLABELLED).all()
    assert (pd.read_csv(finished / "reporting" / "impact.csv")["n"] == N_TRAINING).all()
    found = pd.read_csv(finished / "reporting" / "detection.csv").set_index("ranking")
    assert (found["n"] == N_UNLABELLED).all() and "pseudo_label_doubt" in found.index


def test_a_second_call_does_nothing(phantom: Path, small: dict, copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()}
    assert again(run(phantom, copied, small)) == set()
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()} == before


def test_another_confidence_repeats_what_depends_on_it(phantom: Path, small: dict, copied: Path) -> None:
    tuned = {"finetuning_htl", "finetuning_random", "evaluating_htl", "evaluating_random", "reporting"}
    assert {"selecting"} <= again(run(phantom, copied, {**small, "min_confidence": 0.501})) <= {"selecting", *tuned}


def test_labelled_images_mixed_in_train_too(phantom: Path, small: dict, copied: Path) -> None:
    said = run(phantom, copied, {**small, "labelled": "htl", "labelled_rule": "count", "labelled_amount": 2})
    assert {"finetuning_htl", "finetuning_random"} <= again(said)
    assert not {"mining", "mining_unlabelled", "pseudo_labelling"} & again(said)
    content = json.loads((copied / "selecting" / "htl.json").read_text())
    assert content["n_labelled"] == 2 == sum(not item["pseudo"] for item in content["data"])


def test_boxes_of_heat_maps(phantom: Path, small: dict, copied: Path) -> None:
    said = run(phantom, copied, {**small, "box_from": "cam"})
    assert {"mining_unlabelled", "selecting"} <= again(said) and "mining" not in again(said)
    table = forgetting_table(read_scores(copied / "mining_unlabelled" / "scores.nc"))
    assert table["box_agreement_pruned"].between(0, 1).all() and len(table) == 2 * N_UNLABELLED
    assert table["x_min_px_dense"].notna().any() and table["x_max_px_dense"].max() <= 64


def test_a_lost_mask_alone_is_made_again(phantom: Path, small: dict, copied: Path, finished: Path) -> None:
    masks = sorted((copied / "pseudo_labelling" / "masks").iterdir())
    before = {path: path.stat().st_mtime_ns for path in masks}
    masks[0].unlink()
    (copied / "pseudo_labelling" / "pseudo_labels.csv").unlink()
    said = run(phantom, copied, small)
    assert again(said) == {"pseudo_labelling"} and said["pseudo_labelling"] == "going on from its last checkpoint"
    assert [path for path in masks if path.stat().st_mtime_ns != before[path]] == [masks[0]]
    assert masks[0].read_bytes() == (finished / "pseudo_labelling" / "masks" / masks[0].name).read_bytes()


def test_masks_of_another_network_are_not_kept(phantom: Path, small: dict, copied: Path, finished: Path) -> None:
    said = run(phantom, copied, {**small, "milestones": [2]})
    assert said["training"] == "running again: milestones changed"
    assert said["pseudo_labelling"] == "running again: milestones, training/dense.pt changed"
    one, two = (pd.read_csv(out / "pseudo_labelling" / "pseudo_labels.csv") for out in (finished, copied))
    assert one["confidence"].tolist() != two["confidence"].tolist()


def test_a_run_killed_while_it_labels_ends_as_an_undisturbed_one(
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
    masks = out / "pseudo_labelling" / "masks"
    kill_when(lambda: len(list(masks.glob("[!.]*.png"))) >= 3, run_slowly, phantom, out, small)
    made = {path: path.stat().st_mtime_ns for path in masks.glob("[!.]*.png")}
    assert 3 <= len(made) < N_UNLABELLED and not (masks.parent / "pseudo_labels.csv").exists()
    (masks / f"{TEMPORARY}half.png").write_bytes(b"written when it was killed")
    assert run(phantom, out, small)["pseudo_labelling"] == "going on from its last checkpoint"
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert sorted(path.name for path in masks.iterdir()) == sorted(
        path.name for path in (finished / "pseudo_labelling" / "masks").iterdir()
    )
    assert_same_results("semi_supervised", finished, out)


def test_two_processes_draw_the_masks_of_one(
    finished: Path, copied: Path, small: dict, in_two_processes: Callable
) -> None:
    shutil.rmtree(copied / "pseudo_labelling")
    configs = ["train.json", "stages/pseudo_label.json", "stages/multi_gpu.json"]
    entries = {name: small[name] for name in ("features", "spatial_size", "batch_size", "num_workers")}
    entries |= {"output_dir": copied, "dataset_dir": copied / "preparing" / "data.json"}
    for _ in range(2):  # the second time nothing is left to do
        in_two_processes("lesion_localization", "pseudo_labelling", configs, entries)
    one, two = (pd.read_csv(out / "pseudo_labelling" / "pseudo_labels.csv") for out in (finished, copied))
    pd.testing.assert_frame_equal(one, two, atol=1e-5)


@pytest.mark.browser
def test_its_report_in_use(finished: Path, use_report: Callable[[Path], None]) -> None:
    use_report(finished)
