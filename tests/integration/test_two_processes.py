"""Two processes on one machine (gloo on a CPU) do what one does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from htl_monai.models.bundles import find_bundle


def entries(tiny: dict, run: Path, *names: str) -> dict[str, object]:
    chosen = {name: tiny[name] for name in ("features", "spatial_size", "batch_size", "num_workers", *names)}
    places = {"bundle_root": find_bundle("lesion_localization"), "output_dir": run}
    return {**chosen, **places, "dataset_dir": run / "preparing" / "data.json"}


def test_mining_in_two_processes_gives_the_table_of_one(
    finished_run: Path, tiny_run: Path, tiny: dict, by_torchrun: Callable
) -> None:
    shutil.rmtree(tiny_run / "mining")
    configs = ["train.json", "stages/mine.json", "stages/multi_gpu.json"]
    by_torchrun("lesion_localization", "mining", configs, entries(tiny, tiny_run, "sparsities"))
    for name in ("ranking.csv", "sparsity.csv"):
        one, two = (pd.read_csv(run / "mining" / name) for run in (finished_run, tiny_run))
        pd.testing.assert_frame_equal(one, two, rtol=1e-5)  # finer than one pixel of an IoU
    assert len(one) > 0


def test_training_in_two_processes_writes_plain_weights(
    finished_run: Path, tmp_path: Path, tiny: dict, in_two_processes: Callable
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run / "preparing", run / "preparing")
    configs = ["train.json", "stages/multi_gpu.json"]
    in_two_processes("lesion_localization", "training", configs, {**entries(tiny, run), "max_epochs": 1})
    dense = torch.load(run / "training" / "dense.pt", weights_only=True)
    single = torch.load(finished_run / "training" / "dense.pt", weights_only=True)
    assert {key: value.shape for key, value in dense.items()} == {key: value.shape for key, value in single.items()}
    assert not [key for key in dense if key.startswith("module.")]
    assert pd.read_csv(run / "training" / "epochs.csv")["epoch"].tolist() == [1]
