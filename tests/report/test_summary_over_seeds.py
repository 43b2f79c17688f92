"""The closing tables of a run of several seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.summary import write_report

WriteTable = Callable[..., Path]
MODELS = ("dense", "htl", "random")
SCORE_NAMES = ("foreground_iou", "background_iou", "foreground_dice", "background_dice")


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
    return write_report(run_dir / f"seed_{seed}", run_dir / "one", MODELS)


def test_tables_are_means_of_those_of_each_seed(run_dir: Path) -> None:
    tables = write_report(run_dir, run_dir / "out", MODELS, seeds=[3, 12])
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
    groups = write_report(run_dir, run_dir / "out", MODELS, seeds=[3, 12])["groups"].set_index(["column", "group"])
    assert groups.loc[("sex", "male"), "n_never_learned"] == 1
    assert groups.loc[("sex", "male"), "n"] == 3


def test_networks_of_no_use_are_named_with_their_seed(run_dir: Path, write_table: WriteTable) -> None:
    path = run_dir / "seed_12" / "evaluating_htl" / "scores.nc"
    useless = scores(12)["htl"].assign(foreground_iou=0.0, foreground_dice=0.0)
    write_table(path, useless)
    notes = write_report(run_dir, run_dir / "out", MODELS, seeds=[3, 12])["notes"]["note"].tolist()
    assert len(notes) == 1 and notes[0].startswith("seed 12: On the test images the network htl ")


def test_one_seed_is_compared_over_the_images(run_dir: Path) -> None:
    tables = write_report(run_dir, run_dir / "out", MODELS, seeds=[3])
    assert tables["scores_of_seeds"]["seed"].unique().tolist() == [3]
    assert (tables["comparison"]["n_subjects"] == 12).all() and "n_seeds" not in tables["comparison"]
    assert "n_seeds" in write_report(run_dir, run_dir / "out", MODELS)["comparison"]  # all that were mined


def test_baselines_are_scored_and_not_compared(run_dir: Path, write_table: WriteTable) -> None:
    for seed in (3, 12):
        write_table(run_dir / f"seed_{seed}" / "evaluating_whole" / "scores.nc", scores(seed)["dense"])
    tables = write_report(run_dir, run_dir / "out", MODELS, seeds=[3, 12], baselines=["whole"])
    assert tables["scores"]["model"].tolist() == [*MODELS, "whole"]
    assert "whole" not in set(tables["comparison"]["model"])
