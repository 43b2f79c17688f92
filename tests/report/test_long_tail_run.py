"""Finding the data, the seeds and the predictions of a run on chest X-rays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from htl_monai.report.long_tail_run import positives, read_long_tail_run
from htl_monai.scores.predictions import Predictions, read_predictions, write_predictions

WriteRun = Callable[..., Path]


def change(path: Path, edit: Callable[[Predictions], Predictions]) -> None:
    write_predictions(path, edit(read_predictions(path)))


def test_seeds_are_found_in_the_order_of_their_numbers(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(20, 3, 100))
    (run_dir / "seed_7" / "training").mkdir(parents=True)  # trained, and not mined yet
    run = read_long_tail_run(run_dir)
    assert run.seeds == (3, 20, 100)
    assert run.predictions("mining").probabilities.shape == (3, 3, 120, 4)
    shutil.rmtree(run_dir / "seed_20" / "mining_random")
    assert run.seeds_of("mining_random") == (3, 100) and run.seeds_of("mining_low_rank") == ()


def test_predictions_come_in_the_order_of_the_data_list(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,))
    run = read_long_tail_run(run_dir)
    before = run.predictions("mining")
    mix = np.random.default_rng(0).permutation(120)
    change(
        run_dir / "seed_3" / "mining" / "predictions.npz",
        lambda p: replace(p, probabilities=p.probabilities[:, mix], ids=tuple(p.ids[i] for i in mix)),
    )
    after = run.predictions("mining")
    assert after.ids == before.ids == tuple(item["id"] for item in run.test)
    assert np.array_equal(after.probabilities, before.probabilities)


def test_positives_count_what_is_known() -> None:
    items = [{"label": [1.0, None]}, {"label": [1.0, 0.0]}, {"label": [0.0, 1.0]}]
    assert positives(items, 2).tolist() == [2, 1]
    assert positives([], 2).tolist() == [0, 0]


def test_a_run_that_was_not_mined(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,), stages=("mining_random",))
    with pytest.raises(FileNotFoundError, match="at least one seed, got none in .*run the stage mining"):
        read_long_tail_run(run_dir)


def test_a_seed_that_was_not_mined_is_named(write_run: WriteRun) -> None:
    run = read_long_tail_run(write_run(seeds=(3,)), seeds=[3, 4])
    with pytest.raises(FileNotFoundError, match="seed_4/mining/predictions.npz do not exist"):
        run.predictions("mining")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda p: replace(p, ids=("another", *p.ids[1:])), "got 2 that are not in both \\(another, test000\\)"),
        (lambda p: replace(p, classes=("Cyst", *p.classes[1:])), "Effusion, Mass, Hernia, No Finding, got Cyst, Mass"),
        (
            lambda p: replace(p, probabilities=p.probabilities[1:], sparsities=p.sparsities[1:]),
            "must begin with the dense network, sparsity 0, got 0.5",
        ),
    ],
)
def test_predictions_of_something_else(
    write_run: WriteRun, edit: Callable[[Predictions], Predictions], message: str
) -> None:
    run_dir = write_run(seeds=(3,))
    change(run_dir / "seed_3" / "mining" / "predictions.npz", edit)
    with pytest.raises(ValueError, match=message):
        read_long_tail_run(run_dir).predictions("mining")
