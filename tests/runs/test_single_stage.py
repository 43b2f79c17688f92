"""One stage alone with a model that classifies: mined by diagnosis without masks, evaluated on masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import htl_monai.runs.single_stage
from htl_monai.runs.single_stage import evaluate_with, mine_with
from htl_monai.scores import read_scores

QUICK = {"num_workers": 0, "batch_size": 4, "device": "cpu", "precision": "fp32"}


def without_masks(data_list: Path, folder: Path, diagnoses: dict[str, str] | None = None) -> Path:
    """Write a CSV of the training images, with nothing but id, image and diagnosis."""
    items = json.loads(data_list.read_text(encoding="utf-8"))["training"]
    table = pd.DataFrame(items)[["id", "image", "diagnosis"]].assign(split="training")
    folder.mkdir(parents=True)
    table.replace({"diagnosis": diagnoses or {}}).to_csv(folder / "data.csv", index=False)
    return folder


def test_images_with_diagnoses_and_no_masks_are_mined(weak_run: Path, tiny_diagnoses: Path, tmp_path: Path) -> None:
    data, said = without_masks(tiny_diagnoses, tmp_path / "data"), []
    settings = {**QUICK, "sparsities": [0.0, 0.7]}
    out = mine_with(weak_run, data, tmp_path / "out", settings=settings, progress=False, say=said.append)
    count = len(json.loads(tiny_diagnoses.read_text(encoding="utf-8"))["training"])
    assert said == [f"mining: {count} training images with {weak_run / 'training' / 'dense.pt'}"]
    table = pd.read_csv(out / "ranking.csv")
    assert len(table) == count and (table["ranked_by"] == "box_change").all() and "forgetting" not in table
    assert read_scores(out / "scores.nc")["level"].values.tolist() == [0, 0.7]
    assert pd.read_csv(out / "impact.csv")["sparsity"].tolist() == [0.7]
    record = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert record["bundle"] == "lesion_weak_localization"
    assert record["config"]["classes"] == ["melanoma", "nevus", "seborrheic_keratosis"]


def test_unlabelled_images_go_before_the_others(weak_run: Path, tiny_diagnoses: Path, tmp_path: Path) -> None:
    phantom, settings = tiny_diagnoses.parent / "phantom", {**QUICK, "sparsities": [0.7]}
    out = mine_with(weak_run, phantom, tmp_path / "out", settings=settings, progress=False, say=str)
    assert pd.read_csv(out / "ranking.csv")["id"].str.startswith("unlabelled_").all()


def test_a_model_that_classifies_is_scored_on_masks(weak_run: Path, tiny_diagnoses: Path, tmp_path: Path) -> None:
    scores = {}
    for threshold in (None, 1):
        settings = QUICK if threshold is None else {**QUICK, "cam_threshold": threshold}
        out = tmp_path / f"out{threshold}"
        evaluate_with(weak_run, tiny_diagnoses, out, settings=settings, progress=False, say=str)
        scores[threshold] = pd.read_csv(out / "scores.csv")
        config = json.loads((out / "provenance.json").read_text(encoding="utf-8"))["config"]
        assert config["cam_threshold"] == (threshold or 150)  # the run's, unless another is asked for
    assert len(scores[None]) == 3 and scores[None]["foreground_iou"].between(0, 1).all()
    assert scores[1]["foreground_iou"].mean() > scores[None]["foreground_iou"].mean()


def test_diagnoses_that_are_not_the_models(weak_run: Path, tiny_diagnoses: Path, tmp_path: Path) -> None:
    out, quiet = tmp_path / "out", {"settings": QUICK, "progress": False, "say": str}
    other = without_masks(tiny_diagnoses, tmp_path / "other", {"nevus": "NV"})
    with pytest.raises(ValueError, match="diagnosis must be one of melanoma, nevus, seborrheic_keratosis, got another"):
        mine_with(weak_run, other, out, **quiet)
    (weak_run / "preparing" / "data.json").unlink()
    fewer = without_masks(tiny_diagnoses, tmp_path / "fewer", {"nevus": "melanoma"})
    with pytest.raises(ValueError, match=r"diagnosis must have the 3 values that .*dense.pt was trained on, got melan"):
        mine_with(weak_run, fewer, out, **quiet)
    assert not (out / "scores.nc").exists()


@pytest.fixture
def run_with(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The entries that a stage would have run with."""
    entries: list[dict[str, Any]] = []

    def record(bundle: Path, stage: object, changes: dict[str, Any], log: Path) -> None:
        entries.append(changes)
        raise RuntimeError("enough")

    monkeypatch.setattr(htl_monai.runs.single_stage, "run_stage", record)
    return entries


@pytest.mark.parametrize("command", [mine_with, evaluate_with])
def test_a_users_word_goes_before_the_models(
    command: Any, weak_run: Path, tiny_diagnoses: Path, tmp_path: Path, run_with: list[dict[str, Any]]
) -> None:
    settings = {**QUICK, "spatial_size": [32, 32], "cam_threshold": 99, "features": [8, 8, 16, 16, 32, 8]}
    with pytest.raises(RuntimeError, match="enough"):
        command(weak_run, tiny_diagnoses, tmp_path / "out", settings=settings, progress=False, say=str)
    with pytest.raises(RuntimeError, match="enough"):
        command(weak_run, tiny_diagnoses, tmp_path / "out", settings=QUICK, progress=False, say=str)
    assert [(entries["spatial_size"], entries["cam_threshold"]) for entries in run_with] == [
        ([32, 32], 99),
        ([48, 64], 150),
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"features": [9, 9, 9, 9, 9, 9]}, r"features must be that of .*dense.pt \(\[8, 8, 16, 16, 32, 8\]\), got \[9, 9"),
    ({"hidden_channels": 7}, r"hidden_channels must be that of .*dense.pt \(6\), got 7; leave it out"),
    ({"num_classes": 4}, r"num_classes must be that of .*dense.pt \(3\), got 4; leave it out"),
    (
        {"classes": ["a", "b", "c"]},
        r"classes must be that of .*dense.pt \(\['melanoma', 'nevus', .*, got \['a', 'b', 'c'\]",
    ),
    ({"output_dir": "x"}, "output_dir must not be set, got 'x', because the command sets it"),
    ({"progress": True}, "progress must not be set, got True"),
    ({"max_epoch": 1}, "max_epoch must be an entry of the configs.*did you mean .*max_epochs"),
    ({"batch_size": 0, "precision": "fp8"}, "precision must be one of .*\nbatch_size must be a whole number from 1"),
]


@pytest.mark.parametrize(("settings", "words"), REFUSED)
def test_what_cannot_be_as_the_user_says_is_refused(
    weak_run: Path, tiny_diagnoses: Path, tmp_path: Path, run_with: list, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises((KeyError, ValueError), match=words):
        mine_with(weak_run, tiny_diagnoses, tmp_path / "out", settings=settings, progress=False, say=str)
    assert not run_with and not (tmp_path / "out").exists()


def test_an_overlay_goes_before_the_model_and_may_name_entries_of_other_stages(
    weak_run: Path, tiny_diagnoses: Path, tmp_path: Path, run_with: list[dict[str, Any]]
) -> None:
    overlay = tmp_path / "own.json"
    overlay.write_text(json.dumps({"spatial_size": [64, 64], "finetune_epochs": 3}), encoding="utf-8")
    with pytest.raises(RuntimeError, match="enough"):
        mine_with(weak_run, tiny_diagnoses, tmp_path / "out", "training", [str(overlay)], QUICK, False, str)
    assert run_with[0]["spatial_size"] == [64, 64]
    overlay.write_text(json.dumps({"max_epoch": 3}), encoding="utf-8")
    with pytest.raises(KeyError, match="max_epoch must be an entry of the configs"):
        mine_with(weak_run, tiny_diagnoses, tmp_path / "out", "training", [str(overlay)], QUICK, False, str)
