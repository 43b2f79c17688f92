"""Training and mining of the chest X-ray bundle in two processes (gloo on a CPU), from one cache of images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from PIL import Image

from htl_monai.models.bundles import find_bundle
from htl_monai.runs.stage import Stage
from htl_monai.runs.workflow import run_stage
from htl_monai.scores import read_scores

BUNDLE = find_bundle("chest_xray_long_tail")
MINING = ("train.json", "stages/mine.json")


@pytest.fixture
def findings(tmp_path: Path) -> Path:
    """Write 17 noisy pictures (an odd number, for uneven shares), nine to train on, three to validate, five to test."""
    rng, rows = np.random.default_rng(0), []
    for number in range(17):
        Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / f"{number:02}.png")
        split = "training" if number < 9 else "validation" if number < 12 else "test"
        rows.append([f"{number:02}", f"{number:02}.png", split, number % 2, int(number % 5 == 0)])
    table = pd.DataFrame(rows, columns=["id", "image", "split", "Mass", "Hernia"])
    table.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_two_processes_train_plain_weights_and_predict_as_one(
    findings: Path, tmp_path: Path, in_two_processes: Callable
) -> None:
    network = {"_target_": "ResNet", "block": "basic", "layers": [1, 1, 1, 1], "block_inplanes": [8, 8, 16, 16]}
    network |= {"spatial_dims": 2, "n_input_channels": 1, "conv1_t_size": 3, "num_classes": "@num_classes"}
    entries = {"network_def": network, "mean": [0.5], "std": [0.25], "spatial_size": [16, 16], "batch_size": 2}
    entries |= {"dataset_dir": str(findings), "output_dir": str(tmp_path / "run")}
    entries |= {"bundle_root": str(BUNDLE)}
    folder = tmp_path / "run" / "seed_10"
    in_two_processes(BUNDLE.name, "training", ["train.json", "stages/multi_gpu.json"], entries | {"max_epochs": 2})
    dense = torch.load(folder / "training" / "dense.pt", weights_only=True)
    assert dense and not [key for key in dense if key.startswith("module.")]
    assert pd.read_csv(folder / "training" / "epochs.csv")["val_mean_ap"].between(0, 1).all()

    entries |= {"sparsities": [0.5, 0.9]}
    in_two_processes(BUNDLE.name, "mining", [*MINING, "stages/multi_gpu.json"], entries)
    two = read_scores(folder / "mining" / "scores.nc")
    shutil.rmtree(folder / "mining")
    run_stage(
        BUNDLE,
        Stage("mining", "mining", MINING, (), ()),
        entries | {"device": "$torch.device('cpu')", "precision": "fp32"},
    )
    one = read_scores(folder / "mining" / "scores.nc")
    # Batches fall differently, so that sums may be rounded differently.
    xr.testing.assert_allclose(one, two, atol=1e-6)
