"""An audit of the package's own bundles and runs says what their own stages say; labels are optional."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import htl_monai
from htl_monai.models.bundles import find_bundle
from htl_monai.models.find_model import find_model
from htl_monai.runs.stage import Stage
from htl_monai.runs.workflow import run_stage
from htl_monai.scores import read_scores

BUNDLE = find_bundle("chest_xray_long_tail")


@pytest.fixture
def findings(tmp_path: Path) -> Path:
    """A CSV of five grey pictures with a label for each class of the shipped network, one of them unknown."""
    metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text(encoding="utf-8"))
    classes = [*metadata["network_data_format"]["outputs"]["pred"]["channel_def"].values()]
    rng, rows = np.random.default_rng(0), []
    for number in range(5):
        Image.fromarray(rng.integers(0, 256, (70, 64 + number), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        labels = [int(value) for value in rng.integers(0, 2, len(classes) - 1)]
        rows.append([str(number), f"{number}.png", "test", *labels, "" if number == 1 else int(not any(labels))])
    # In another order than the network's: classes are matched by their names.
    order = ["id", "image", "split", *reversed(classes)]
    pd.DataFrame(rows, columns=["id", "image", "split", *classes])[order].to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_the_shipped_classifier_is_scored_as_by_its_own_evaluator(
    findings: Path, workflow: Callable[..., Any], tmp_path: Path
) -> None:
    found = htl_monai.audit("chest_xray_long_tail", findings, sparsities=(0.5,), device="cpu").scores
    places = {"dataset_dir": findings, "output_dir": tmp_path / "runs", "num_workers": 0, "precision": "fp32"}
    config = json.loads((BUNDLE / "configs" / "metadata.json").read_text(encoding="utf-8"))
    names = [*config["network_data_format"]["outputs"]["pred"]["channel_def"].values()]
    own = workflow(
        ["train.json", "stages/evaluate.json", "sizes/cpu_chest.json"],  # the shipped network is of that size
        "train",
        run_id="evaluating",
        columns={"classes": names},
        **places,
    )
    own.initialize()
    own.run()
    (path,) = (tmp_path / "runs").rglob("scores.nc")
    expected = read_scores(path)
    assert found["class"].values.tolist() == expected["class"].values.tolist() == names
    for name in ("probability", "true_prob", "label"):
        ours = found[name].sel(level=0.0) if "level" in found[name].dims else found[name]
        theirs = expected[name].sel(level=0.0) if "level" in expected[name].dims else expected[name]
        np.testing.assert_allclose(ours.sel(sample=expected["sample"]), theirs, atol=1e-5, err_msg=name)
    assert np.isnan(found["label"].sel(sample="1").values).sum() == 1


def test_a_run_is_audited_as_its_own_stages_mined_and_evaluated(finished_run: Path, tiny_phantom: Path) -> None:
    mined = read_scores(finished_run / "mining" / "scores.nc")
    evaluated = read_scores(finished_run / "evaluating_dense" / "scores.nc")
    levels = [level for level in mined["level"].values if level]
    found = htl_monai.audit(finished_run, tiny_phantom, sparsities=levels, device="cpu").scores
    for expected, level in ((mined, mined["level"].values), (evaluated, [0.0])):
        for name in ("iou", "dice"):
            ours = found[name].sel(sample=expected["sample"].values, level=level)
            np.testing.assert_allclose(ours, expected[name], atol=1e-6, err_msg=name)
    for name in ("entropy", "expected_error"):
        ours = found[name].sel(sample=mined["sample"].values)
        np.testing.assert_allclose(ours, mined[name], atol=1e-5, err_msg=name)


def test_pictures_without_masks_are_audited_by_what_needs_none(
    finished_run: Path, tiny_phantom: Path, tmp_path: Path
) -> None:
    items = json.loads((finished_run / "preparing" / "data.json").read_text(encoding="utf-8"))["test"]
    table = pd.DataFrame([{key: item[key] for key in ("id", "image", "age", "sex")} for item in items])
    table.assign(split="test").to_csv(tmp_path / "data.csv", index=False)
    options: dict[str, Any] = {"sparsities": (0.7,), "device": "cpu", "split": "test"}
    without = htl_monai.audit("lesion_localization", tmp_path / "data.csv", **options)
    complete = htl_monai.audit("lesion_localization", tiny_phantom, **options)
    for name in without.scores.data_vars:
        ours = without.scores[name].sel(sample=complete.scores["sample"].values)
        np.testing.assert_allclose(ours, complete.scores[name], atol=1e-6, err_msg=str(name))
    assert {*complete.scores.data_vars} - {*without.scores.data_vars} == {
        "iou",
        "dice",
        "whole_image_iou",
        "label_quality",
        "loss",
    }
    assert {"mask_change", "entropy_per_area", "mask_confidence"} <= {*without.ranking}
    assert {"age_group", "sex"} <= {*without.groups()["column"]}


def test_heat_maps_of_a_classifier_are_audited_as_they_are_evaluated(
    weak_run: Path, tiny_diagnoses: Path, tmp_path: Path
) -> None:
    record = weak_run / "training" / "provenance.json"
    text = record.read_text(encoding="utf-8")
    assert '"cam_threshold": 150' in text
    record.write_text(text.replace('"cam_threshold": 150', '"cam_threshold": 5'), encoding="utf-8")
    options: dict[str, Any] = {"task": "heat_map_localization", "sparsities": (0.7,), "device": "cpu"}
    found = htl_monai.audit(weak_run, tiny_diagnoses, split="test", batch_size=4, **options)
    model, out = find_model(weak_run), tmp_path / "out"
    places = {"dataset_dir": str(tiny_diagnoses), "output_dir": str(out), "stage_dir": str(out)}
    places |= {"model_path": str(model.weights), "num_workers": 0, "batch_size": 4, "device": "$torch.device('cpu')"}
    stage = Stage("evaluating", "evaluating", ("train.json", "stages/evaluate.json"), (), ())
    entries = {**model.entries, **model.heat_maps, **model.class_entries, **places}
    run_stage(model.bundle, stage, entries, tmp_path / "log.txt")
    expected = pd.read_csv(out / "scores.csv").set_index("id")
    ours = found.ranking.set_index("id")
    assert 0 < expected["foreground_iou"].mean() < 1 and not any("softmax" in note for note in found.notes)
    np.testing.assert_allclose(ours.loc[expected.index, "iou"], expected["foreground_iou"], atol=1e-6)
    without = htl_monai.audit(weak_run, tiny_diagnoses, split="training", **options).ranking
    assert (without["ranked_by"] == "box_change").all() and "iou" not in without
    classified = htl_monai.audit(weak_run, tiny_diagnoses, split="training", sparsities=(0.7,), device="cpu").scores
    assert classified["class"].values.tolist() == ["melanoma", "nevus", "seborrheic_keratosis"]  # the run's own
    truth = pd.DataFrame(json.loads(tiny_diagnoses.read_text(encoding="utf-8"))["training"]).set_index("id")
    named = classified["class"].values[classified["label"].values.argmax(axis=1)]
    assert named.tolist() == truth.loc[classified["sample"].values, "diagnosis"].tolist()
    bind = {"preprocessing": "validate#preprocessing"}
    with pytest.raises(ValueError, match="preprocessing of .* must read the label, got .*; name one that does"):
        htl_monai.audit(weak_run, tiny_diagnoses, split="test", bind=bind, **options)
