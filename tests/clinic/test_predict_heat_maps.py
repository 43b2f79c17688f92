"""Predictions of a network that classifies: heat map, its mask and box, the class; equal to the bundle's own run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from monai.bundle import ConfigWorkflow
from PIL import Image

from htl_monai.clinic.predict import HEAT_COLUMNS, predict


def pixels(path: Path) -> np.ndarray:
    array = np.asarray(Image.open(path))
    assert array.dtype == np.uint8 and array.ndim == 2
    return array


def test_files_and_numbers_of_one_picture(tmp_path: Path, dark_looking_bundle: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    table = predict(dark_looking_bundle, tmp_path / "a.png", tmp_path / "out", progress=False)
    written = sorted(path.name for path in (tmp_path / "out").glob("[!.]*"))
    assert written == ["a.json", "a_heat.png", "a_mask.png", "a_overlay.png", "predictions.csv"]
    expected = np.zeros((60, 90), dtype=np.uint8)
    expected[6:18, 60:84] = 255
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "a_mask.png"), expected)
    heat = pixels(tmp_path / "out" / "a_heat.png")
    assert (heat[6:18, 60:84] >= 254).all() and (heat[expected == 0] == 0).all()
    darkness = (1.5 - 60 / 255) * 12 * 24 / (60 * 90)
    found = json.loads((tmp_path / "out" / "a.json").read_text(encoding="utf-8"))
    assert found.pop("class_prob") == pytest.approx(1 / (1 + math.exp(-2 * darkness)), abs=1e-6)
    assert found.pop("mean_heat") == pytest.approx(1, abs=1e-5)
    assert found == {
        "image": str(tmp_path / "a.png"),
        "size": [90, 60],
        "box": {"x_min": 60, "y_min": 6, "x_max": 84, "y_max": 18},
        "area_px": 288,
        "class_index": 0,
        "class_name": "with a spot",
    }
    assert list(table.columns) == list(HEAT_COLUMNS) and table["class_index"].tolist() == [0]


def test_a_constant_heat_map_is_no_box(tmp_path: Path, dark_looking_bundle: Path) -> None:
    Image.fromarray(np.full((31, 47, 3), 240, np.uint8)).save(tmp_path / "plain.png")
    table = predict(dark_looking_bundle, tmp_path / "plain.png", tmp_path / "out", progress=False)
    assert table["area_px"].tolist() == [0] and table[["x_min", "mean_heat"]].isna().all(axis=None)
    assert pixels(tmp_path / "out" / "plain_heat.png").max() == 0
    assert json.loads((tmp_path / "out" / "plain.json").read_text(encoding="utf-8"))["box"] is None


def test_predict_equals_the_bundles_own_run(tmp_path: Path, weak_bundle: Path, picture: np.ndarray) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    Image.fromarray(picture).resize((131, 77)).save(tmp_path / "in" / "a.png")
    Image.fromarray(picture).convert("L").save(tmp_path / "in" / "sub" / "b.JPG", quality=95)
    workflow = ConfigWorkflow(
        config_file=str(weak_bundle / "configs" / "inference.json"),
        meta_file=str(weak_bundle / "configs" / "metadata.json"),
        workflow_type="infer",
        run_id="inference",
        bundle_root=str(weak_bundle),
        dataset_dir=str(tmp_path / "in"),
        output_dir=str(tmp_path / "own"),
        device="cpu",
        num_workers=0,
    )
    workflow.initialize()
    workflow.run()
    predict(weak_bundle, tmp_path / "in", tmp_path / "ours", progress=False)
    written = sorted(str(path.relative_to(tmp_path / "own")) for path in (tmp_path / "own").rglob("*.*"))
    kinds = ("box.json", "heat.png", "mask.png")
    threshold = workflow.parser.get_parsed_content("cam_threshold")
    assert written == [*(f"a_{kind}" for kind in kinds), *(f"sub/b_{kind}" for kind in kinds)]
    for own, name, size in (("a", "a", (77, 131)), ("sub/b", "b", (60, 90))):
        own_mask, own_heat = (pixels(tmp_path / "own" / f"{own}_{kind}.png") for kind in ("mask", "heat"))
        assert own_mask.shape == own_heat.shape == size and 0 < (own_mask > 0).mean() < 1
        np.testing.assert_array_equal(own_mask > 0, own_heat >= threshold)
        np.testing.assert_array_equal(pixels(tmp_path / "ours" / f"{name}_mask.png"), own_mask)
        np.testing.assert_array_equal(pixels(tmp_path / "ours" / f"{name}_heat.png"), own_heat)
        box = json.loads((tmp_path / "own" / f"{own}_box.json").read_text(encoding="utf-8"))
        found = json.loads((tmp_path / "ours" / f"{name}.json").read_text(encoding="utf-8"))
        assert found.pop("mean_heat") > threshold / 255 and found == box
    assert workflow.evaluator.state.output[0]["pred"].dtype == torch.uint8


def test_a_run_is_predicted_with_by_its_own_bundle_and_threshold(
    tmp_path: Path, weak_run: Path, picture: np.ndarray
) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    table = predict(weak_run, tmp_path / "a.png", tmp_path / "out", progress=False)
    assert table["class_name"][0] in ("melanoma", "nevus", "seborrheic_keratosis")
    heat, mask = (pixels(tmp_path / "out" / f"a_{kind}.png") for kind in ("heat", "mask"))
    np.testing.assert_array_equal(mask > 0, heat >= 150)
    record = weak_run / "training" / "provenance.json"
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in (record, weak_run / "training" / "dense.pt"):
        path.rename(alone / path.name)
    unnamed = predict(alone / "dense.pt", tmp_path / "a.png", tmp_path / "unnamed", progress=False)
    assert unnamed["class_name"].isna().all() and unnamed["class_prob"][0] == table["class_prob"][0]
    assert pd.read_csv(tmp_path / "unnamed" / "predictions.csv")["class_index"][0] == table["class_index"][0]
