"""The closing tables of a run of several seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.seeds_and_images import seeds_and_images_interval
from htl_monai.analysis.statistics import SCORE_NAMES
from htl_monai.report.seeds_summary import compare_over_seeds, write_seeds_summary
from htl_monai.report.summary import write_summary
from htl_monai.statistics.holm import holm

WriteTable = Callable[..., Path]
MODELS = ("dense", "htl", "random")


def scores(seed: int, n: int = 12) -> dict[str, pd.DataFrame]:
    """Score tables of one seed; the arms differ by what the seed and the image make of it."""
    rng = np.random.default_rng(seed)
    tables = {}
    for model in MODELS:
        values = {name: rng.uniform(0.3, 0.9, n) for name in SCORE_NAMES}
        tables[model] = pd.DataFrame({"id": [f"{i:03d}" for i in range(n)], **values})
    return tables


def forgetting(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(8):
        for sparsity in (0.5, 0.7):
            share = float(rng.uniform(0, 0.3)) + (0.4 if number % 2 and sparsity == 0.7 else 0)
            row = {"id": f"{number:03d}", "sex": "female" if number % 2 else "male", "sparsity": sparsity}
            row |= {"hard": number % 2, "hard_group": ("none", "hair", "none", "small")[number % 4]}
            row |= {f"{name}_dense": 0.8 for name in SCORE_NAMES}
            row |= {f"{name}_pruned": 0.8 * (1 - share) for name in SCORE_NAMES}
            rows.append(row | {"forgetting": 0.8 * share, "forgetting_relative": share, "never_learned": False})
    return pd.DataFrame(rows)


@pytest.fixture
def run_dir(write_table: WriteTable, tmp_path: Path) -> Path:
    for seed in (3, 12):
        write_table(tmp_path / f"seed_{seed}" / "mining" / "scores.nc", forgetting(seed))
        for model, table in scores(seed).items():
            shuffled = table.sample(frac=1, random_state=seed)  # images are paired by id
            write_table(tmp_path / f"seed_{seed}" / f"evaluating_{model}" / "scores.nc", shuffled)
    return tmp_path


def write_one(run_dir: Path, seed: int) -> dict[str, pd.DataFrame]:
    return write_summary(run_dir / f"seed_{seed}", MODELS, run_dir / "one")


def test_tables_are_means_of_those_of_each_seed(run_dir: Path) -> None:
    tables = write_seeds_summary(run_dir, [3, 12], MODELS, run_dir / "out")
    assert {path.stem for path in (run_dir / "out").iterdir()} == set(tables)
    single = [write_one(run_dir, seed) for seed in (3, 12)]
    for name, column in (("scores", "foreground_iou"), ("impact", "foreground_drop_percent"), ("detection", "auroc")):
        expected = np.mean([table[name][column] for table in single], axis=0)
        assert tables[name][column].tolist() == pytest.approx(expected.tolist())
        assert (tables[name]["n_seeds"] == 2).all()
    lowest = np.min([table["detection"]["auroc"] for table in single], axis=0)
    assert tables["detection"]["auroc_lowest"].tolist() == lowest.tolist()
    assert {"auroc_hair", "auroc_small"} <= set(tables["detection"])
    assert tables["scores_of_seeds"]["seed"].tolist() == [3, 3, 3, 12, 12, 12]
    groups = tables["groups"].set_index(["column", "group"])
    shares = np.mean([forgetting(seed).query("sparsity == 0.7")["forgetting_relative"] for seed in (3, 12)], axis=0)
    assert groups.loc[("sex", "female"), "mean"] == pytest.approx(shares[1::2].mean())


def test_an_image_was_never_learned_where_no_seed_learned_it(run_dir: Path, write_table: WriteTable) -> None:
    for seed, unlearned in ((3, ["000", "002"]), (12, ["002"])):
        table = forgetting(seed)
        rows = table["id"].isin(unlearned)
        table.loc[rows, "foreground_iou_dense"] = 0.0
        write_table(run_dir / f"seed_{seed}" / "mining" / "scores.nc", table)
    groups = write_seeds_summary(run_dir, [3, 12], MODELS, run_dir / "out")["groups"].set_index(["column", "group"])
    assert groups.loc[("sex", "male"), "n_never_learned"] == 1
    assert groups.loc[("sex", "male"), "n"] == 3


def test_networks_of_no_use_are_named_with_their_seed(run_dir: Path, write_table: WriteTable) -> None:
    path = run_dir / "seed_12" / "evaluating_htl" / "scores.nc"
    useless = scores(12)["htl"].assign(foreground_iou=0.0, foreground_dice=0.0)
    write_table(path, useless)
    notes = write_seeds_summary(run_dir, [3, 12], MODELS, run_dir / "out")["notes"]["note"].tolist()
    assert len(notes) == 1 and notes[0].startswith("seed 12: On the test images the network htl ")


def test_differences_are_judged_over_seeds_and_images(run_dir: Path) -> None:
    table = compare_over_seeds([scores(3), scores(12)]).set_index(["model", "reference", "score"])
    assert len(table) == 3 * len(SCORE_NAMES)
    differences = [found["htl"]["foreground_iou"] - found["random"]["foreground_iou"] for found in map(scores, (3, 12))]
    expected = seeds_and_images_interval(np.array(differences))
    row = table.loc[("htl", "random", "foreground_iou")]
    assert (row["difference"], row["low"], row["high"]) == (expected.difference, expected.low, expected.high)
    assert (row["n_seeds"], row["n_images"]) == (2, 12)
    assert row["mean"] - row["mean_reference"] == pytest.approx(row["difference"])
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"]))


def test_one_seed_has_no_interval() -> None:
    row = compare_over_seeds([scores(3)]).iloc[0]
    assert np.isnan(row["low"]) and np.isnan(row["high"]) and row["n_seeds"] == 1


def test_an_image_without_a_score_in_one_seed_is_left_out_there() -> None:
    first, second = scores(3), scores(12)
    first["htl"].loc[0, "foreground_iou"] = np.nan
    row = compare_over_seeds([first, second]).set_index(["model", "reference", "score"])
    found = row.loc[("htl", "dense", "foreground_iou")]
    left = first["htl"]["foreground_iou"][1:].sum() + second["htl"]["foreground_iou"].sum()
    assert found["mean"] == pytest.approx(left / 23)


def test_baselines_are_scored_and_not_compared(run_dir: Path, write_table: WriteTable) -> None:
    for seed in (3, 12):
        write_table(run_dir / f"seed_{seed}" / "evaluating_whole" / "scores.nc", scores(seed)["dense"])
    tables = write_seeds_summary(run_dir, [3, 12], MODELS, run_dir / "out", baselines=["whole"])
    assert tables["scores"]["model"].tolist() == [*MODELS, "whole"]
    assert "whole" not in set(tables["comparison"]["model"])
