"""One stage alone with a model that classifies: mined by diagnosis without masks, evaluated on masks."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from htl_monai.single_stage import evaluate_with, mine_with

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
    table = pd.read_csv(out / "forgetting.csv")
    assert len(table) == 2 * count and (table["box_iou_dense"] == 1).all()
    assert (table.loc[table["sparsity"] == 0, "forgetting"] == 0).all()
    impact = pd.read_csv(out / "impact.csv")
    assert impact["sparsity"].tolist() == [0, 0.7] and impact["box_drop"][0] == 0
    record = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert record["bundle"] == "lesion_weak_localization"
    assert record["config"]["classes"] == ["melanoma", "nevus", "seborrheic_keratosis"]


def test_unlabelled_images_go_before_the_others(weak_run: Path, tiny_diagnoses: Path, tmp_path: Path) -> None:
    phantom, settings = tiny_diagnoses.parent / "phantom", {**QUICK, "sparsities": [0.7]}
    out = mine_with(weak_run, phantom, tmp_path / "out", settings=settings, progress=False, say=str)
    assert pd.read_csv(out / "forgetting.csv")["id"].str.startswith("unlabelled_").all()


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
    assert not (out / "forgetting.csv").exists()
