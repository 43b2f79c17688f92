"""The closing tables and figures of a run on chest X-rays, as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from htl_monai.report import run_figures
from htl_monai.report.long_tail import write_forgettability, write_pies
from htl_monai.report.run_scores import read_run
from htl_monai.report.summary import write_report

WriteRun = Callable[..., Path]

FORGETTABILITY = {"classes", "class_changes", "overall", "forgettability", "first_drop"}
FORGETTABILITY |= {"dissimilarity", "fcd_regression", "correlations", "notes"}
OF_ANY_TASK = {"scores", "scores_of_seeds", "comparison", "impact", "groups", "pairs", "slices", "rankings"}
PIES = {"pies", "pie_ratios", "noise", "pie_notes"}
FIGURES = {"overall", "forgettability", "classes", "pairs", "pie_ratios", "hard_or_noisy"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_everything_is_written_and_the_same_again(write_run: WriteRun, tmp_path: Path) -> None:
    arms = ("left_alone", "upweighted", "removed")
    stages = ("mining", "mining_low_rank", *(f"evaluating_{arm}" for arm in arms))
    run_dir = write_run(seeds=(3, 10), stages=stages, metadata=lambda number: {"hard": number % 2})
    tables = write_report(run_dir, tmp_path / "a", arms, "left_alone", seeds=[3, 10], pie_share=0.1, sparsity=0.9)
    assert set(tables) == FORGETTABILITY | PIES | OF_ANY_TASK | {"planted", "arms", "detection"}
    written = files(tmp_path / "a")
    figures = {f"figures/{name}.{suffix}" for name in FIGURES | {"arms"} for suffix in ("png", "svg", "csv")}
    assert set(written) == {f"{name}.csv" for name in tables} | figures
    for name, table in tables.items():
        read = pd.read_csv(tmp_path / "a" / f"{name}.csv")
        assert read.columns.tolist() == table.columns.tolist() and len(read) == len(table)
        for column in table.select_dtypes("float"):
            assert np.array_equal(read[column].astype(float), table[column], equal_nan=True)
    write_pies(run_dir, tmp_path / "b", share=0.1)  # finds data and seeds itself
    again = files(tmp_path / "b")
    assert "figures/pie_ratios.svg" in again and again == {name: written[name] for name in again}

    run = read_run(run_dir)
    ap = {
        arm: np.mean(
            [
                average_precision_score(run.labels, one, average=None)
                for one in run.of_test(f"evaluating_{arm}")["probability"].values[:, 0]
            ],
            axis=0,
        )
        for arm in arms
    }
    found = tables["arms"].set_index(["arm", "class"])["difference"]
    difference = ap["removed"] - ap["left_alone"]
    assert [found["removed", name] for name in run.classes] == pytest.approx(difference)
    assert found["removed", "mean"] == pytest.approx(difference.mean())


def test_the_two_commands_share_a_folder(write_run: WriteRun, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, pd.DataFrame] = {}

    def keep(stem: Path, numbers: pd.DataFrame, *_: Any) -> None:
        drawn[stem.name] = numbers

    monkeypatch.setattr(run_figures, "write_figure", keep)
    run_dir = write_run(seeds=(3,), n=60, stages=("mining", "mining_random"))
    forgettability, pies = write_forgettability(run_dir), write_pies(run_dir, sparsity=0.5, share=0.2)
    assert set(forgettability) == FORGETTABILITY and set(pies) == PIES
    assert {path.stem for path in (run_dir / "reporting").iterdir()} == FORGETTABILITY | PIES
    assert pies["pies"]["is_pie"].sum() == 12
    assert set(drawn) == FIGURES
    assert set(drawn["overall"]["compression"]) == {"global_magnitude", "random"}
    table = forgettability["class_changes"].query("compression == 'global_magnitude'")
    assert drawn["forgettability"]["change_median"].tolist() == table["change_median"].tolist()
    assert len(drawn["classes"]) == 4 and len(drawn["pairs"]) == 6


def test_a_single_class_has_tables_and_no_figure_of_pairs(write_run: WriteRun, tmp_path: Path) -> None:
    def some_ill(labels: np.ndarray) -> None:
        labels[:, 0] = np.arange(len(labels)) % 3 == 0

    run_dir = write_run(seeds=(3,), classes=("Hernia",), frequencies=(), change_labels=some_ill)
    tables = write_report(run_dir, tmp_path / "out", (), sparsity=0.9)
    assert tables["dissimilarity"].empty and tables["correlations"]["estimate"].isna().all()
    drawn = {path.stem for path in (tmp_path / "out" / "figures").glob("*.png")}
    assert drawn == {"overall", "forgettability", "classes", "pie_ratios"}


def test_no_class_can_be_measured(write_run: WriteRun, tmp_path: Path) -> None:
    def healthy(labels: np.ndarray) -> None:
        labels[:] = 0

    tables = write_report(write_run(seeds=(3, 10), change_labels=healthy), tmp_path / "out", (), sparsity=0.9)
    assert tables["overall"]["ap_mean"].isna().all()
    assert len(tables["notes"].query("about == 'classes'")) == 12  # four classes in three splits
    assert "forgettability" not in {path.stem for path in (tmp_path / "out" / "figures").glob("*.png")}


def test_an_arm_that_was_not_evaluated(write_run: WriteRun, tmp_path: Path) -> None:
    run_dir = write_run(seeds=(3,), n=60, stages=("mining", "evaluating_left_alone"))
    with pytest.raises(FileNotFoundError, match="evaluating_removed/scores.nc do not exist"):
        write_report(run_dir, tmp_path / "out", ("left_alone", "removed"), "left_alone")
    assert not (tmp_path / "out").exists()


def test_a_sparsity_that_is_missing_is_said_before_anything_is_written(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3,), n=60)
    with pytest.raises(KeyError, match="must be one of 0, 0.5, 0.9, got 0.85"):
        write_pies(run_dir, sparsity=0.85)
    assert not (run_dir / "reporting").exists()
