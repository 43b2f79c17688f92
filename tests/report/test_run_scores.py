"""Finding the seeds and the scores of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from xarray import Dataset

from htl_monai.report.run_scores import read_run
from htl_monai.scores import read_scores, write_scores

WriteRun = Callable[..., Path]


def change(path: Path, edit: Callable[[Dataset], Dataset]) -> None:
    write_scores(path, edit(read_scores(path)))


def test_seeds_are_found_in_the_order_of_their_numbers(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(20, 3, 100))
    (run_dir / "seed_7" / "training").mkdir(parents=True)  # trained, and not mined yet
    run = read_run(run_dir)
    assert run.seeds == (3, 20, 100)
    assert run.of_test("mining")["probability"].shape == (3, 3, 120, 4)
    shutil.rmtree(run_dir / "seed_20" / "mining_random")
    assert run.seeds_of("mining_random") == (3, 100) and run.seeds_of("mining_low_rank") == ()


def test_scores_come_in_the_order_of_the_data_list(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,))
    run = read_run(run_dir)
    before = run.of_test("mining").load()
    change(
        run_dir / "seed_3" / "mining" / "scores.nc",
        lambda scores: scores.isel(sample=np.random.default_rng(0).permutation(120)),
    )
    after = run.of_test("mining")
    assert after["sample"].values.tolist() == [item["id"] for item in run.data["test"]]
    assert after.identical(before)


def test_positives_count_what_is_known(write_run: WriteRun) -> None:
    def forget(labels: np.ndarray) -> None:
        labels[:, :2] = [1.0, np.nan]

    run = read_run(write_run(seeds=(3,), change_labels=forget))
    assert {split: counts[:2].tolist() for split, counts in run.positives().items()} == {
        "training": [240, 0],
        "validation": [120, 0],
        "test": [120, 0],
    }


def test_one_network_needs_no_folder_of_a_seed(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,))
    shutil.copytree(run_dir / "seed_3", run_dir, dirs_exist_ok=True)
    run = read_run(run_dir)
    assert run.seeds == (None,) and not run.names_seeds
    assert run.of("mining").drop_vars("seed").identical(read_run(run_dir, [3]).of("mining").drop_vars("seed"))


def test_a_run_that_was_not_mined(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,), stages=("mining_random",))
    with pytest.raises(FileNotFoundError, match="at least one seed, got none in .*run the stage mining"):
        read_run(run_dir)


def test_a_seed_that_was_not_mined_is_named(write_run: WriteRun) -> None:
    run = read_run(write_run(seeds=(3,)), seeds=[3, 4])
    with pytest.raises(FileNotFoundError, match="seed_4/mining/scores.nc do not exist"):
        run.of_test("mining")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda ds: ds.assign_coords(sample=["another", *ds["sample"].values[1:]]),
            "got 2 that are not in both \\(another, test000\\)",
        ),
        (
            lambda ds: ds.assign_coords({"class": ["Cyst", *ds["class"].values[1:]]}).assign_attrs(foreground=["Cyst"]),
            "Effusion, Mass, Hernia, No Finding, got Cyst, Mass",
        ),
        (lambda ds: ds.isel(level=slice(1, None)), "must begin with the dense network, sparsity 0, got 0.5"),
    ],
)
def test_scores_of_something_else(write_run: WriteRun, edit: Callable[[Dataset], Dataset], message: str) -> None:
    run_dir = write_run(seeds=(3,))
    change(run_dir / "seed_3" / "mining" / "scores.nc", edit)
    with pytest.raises(ValueError, match=message):
        read_run(run_dir).of_test("mining")
