"""The tables of what compression makes a classifier forget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, ttest_rel
from sklearn.metrics import average_precision_score

from htl_monai.report.long_tail import forgettability_tables
from htl_monai.report.notes import forgettability_notes
from htl_monai.report.run_scores import RunScores, read_run
from htl_monai.scores import read_scores, write_scores

WriteRun = Callable[..., Path]


def reference_ap(run: RunScores, stage: str) -> np.ndarray:
    """AP by scikit-learn, ``(R, K, C)``."""
    found, labels = run.of_test(stage)["probability"].values, run.labels
    flat = [[average_precision_score(labels, one, average=None) for one in seed] for seed in found]
    return np.array(flat)


def sentences(notes: pd.DataFrame) -> str:
    return "\n".join(notes["note"])


def test_tables_against_scikit_learn_and_scipy(write_run: WriteRun) -> None:
    run = read_run(write_run())
    tables = forgettability_tables(run)
    ap = reference_ap(run, "mining")
    assert set(tables["overall"]["compression"]) == {"global_magnitude", "random"}

    changes = tables["class_changes"].query("compression == 'global_magnitude'")
    hernia = changes[changes["class"] == "Hernia"].set_index("sparsity")
    assert hernia["ap_mean"].to_numpy() == pytest.approx(ap[:, :, 2].mean(axis=0))
    assert hernia["ap_std"].to_numpy() == pytest.approx(ap[:, :, 2].std(axis=0, ddof=1))
    curve = np.median(ap[:, 1:] / ap[:, :1] - 1, axis=0)
    assert tables["forgettability"].columns.tolist() == ["class", "0.5", "0.9"]
    assert tables["forgettability"][["0.5", "0.9"]].to_numpy().T == pytest.approx(curve)

    overall = tables["overall"].query("compression == 'random'").set_index("sparsity")
    mean = reference_ap(run, "mining_random").mean(axis=-1)
    assert overall.loc[0.9, "p_value"] == pytest.approx(ttest_rel(mean[:, 2], mean[:, 0], alternative="less").pvalue)

    drops = tables["first_drop"].query("compression == 'global_magnitude'")
    assert drops["change_at_highest"].to_numpy() == pytest.approx(curve[-1])
    assert (drops["highest_sparsity"] == 0.9).all() and (drops["n_seeds"] == 3).all()
    steps = np.where(curve[0] <= -0.2, 0.5, np.where(curve[1] <= -0.2, 0.9, np.nan))
    assert np.array_equal(drops["first_drop"], steps, equal_nan=True)
    found = tables["correlations"].query("compression == 'global_magnitude' and method == 'pearson'")
    expected = pearsonr(np.log(drops["n_training"]), drops["change_at_highest"]).statistic
    assert found.query("y == 'change_at_highest'")["estimate"].item() == pytest.approx(expected)


def test_pairs_of_classes(write_run: WriteRun) -> None:
    run = read_run(write_run())
    tables = forgettability_tables(run)
    pairs = tables["dissimilarity"].query("compression == 'global_magnitude'").set_index(["class_a", "class_b"])
    assert len(pairs) == 6
    curves = tables["forgettability"].set_index("class")
    pair, labels = pairs.loc[("Effusion", "Hernia")], run.labels
    distance = curves.loc["Effusion"] - curves.loc["Hernia"]
    assert pair["fcd_mse"] == pytest.approx((distance**2).mean())
    assert pair["fcd_euclidean"] == pytest.approx(np.sqrt((distance**2).sum()))
    both, either = (labels[:, 0] * labels[:, 2]).sum(), np.maximum(labels[:, 0], labels[:, 2]).sum()
    assert pair["iou"] == pytest.approx(both / either) and both > 0
    assert pair["delta_log_frequency"] == pytest.approx(np.log(labels[:, 0].sum() / labels[:, 2].sum()))
    assert set(tables["fcd_regression"]["response"]) == {"fcd_euclidean", "fcd_mse"}
    responses = tables["correlations"].query("x == 'iou_root4'")["y"]
    assert set(responses) == {"fcd_euclidean", "fcd_mse"}


def test_a_class_without_positives_is_nan_and_named(write_run: WriteRun) -> None:
    def without_hernia(labels: np.ndarray) -> None:
        labels[:, 2] = np.where(np.arange(len(labels)) < 200, 0, labels[:, 2])  # only training images are beyond 200

    run = read_run(write_run(change_labels=without_hernia))
    tables = forgettability_tables(run)
    classes = tables["classes"].set_index("class")
    assert classes.loc["Hernia", "without_positives"] == "validation, test"
    assert classes.loc["Hernia", "n_training"] > 0 and classes.loc["Mass", "without_positives"] == ""
    changes = tables["class_changes"].set_index("class")
    assert changes.loc["Hernia", ["ap_mean", "change_median"]].isna().all(axis=None)
    assert changes.loc["Mass", "ap_mean"].notna().all()
    assert (tables["overall"]["n_classes"] == 3).all() and tables["overall"]["ap_mean"].notna().all()
    pairs = tables["dissimilarity"]
    assert pairs.loc[(pairs["class_a"] == "Hernia") | (pairs["class_b"] == "Hernia"), "fcd_mse"].isna().all()
    said = sentences(forgettability_notes(run, tables))
    assert "Hernia has no positive image in the test split" in said
    assert "Hernia has no positive image in the validation split" in said and "training split" not in said


def test_unknown_labels_play_no_part(write_run: WriteRun) -> None:
    def forget_some(labels: np.ndarray) -> None:
        labels[::5, 0] = np.nan

    run = read_run(write_run(change_labels=forget_some))
    known = ~np.isnan(run.labels[:, 0])
    dense = run.of_test("mining")["probability"].values[0, 0]
    changes = forgettability_tables(run)["class_changes"]
    first = changes.query("compression == 'global_magnitude' and sparsity == 0").set_index("class")
    one_seed = forgettability_tables(read_run(run.run_dir, seeds=run.seeds[:1]))["class_changes"]
    expected = average_precision_score(run.labels[known, 0], dense[known, 0])
    assert one_seed.query("`class` == 'Effusion' and sparsity == 0")["ap_mean"].iloc[0] == pytest.approx(expected)
    assert first["ap_mean"].notna().all()


def test_one_seed_has_no_spread_and_says_so(write_run: WriteRun) -> None:
    run = read_run(write_run(seeds=(3,)))
    tables = forgettability_tables(run)
    assert tables["overall"][["ap_std", "p_value", "p_holm", "significant"]].isna().all(axis=None)
    assert tables["class_changes"][["ap_std", "change_low", "change_high"]].isna().all(axis=None)
    assert "global_magnitude was mined for one seed only" in sentences(forgettability_notes(run, tables))


def test_what_was_not_run_is_left_out_and_named(write_run: WriteRun) -> None:
    run_dir = write_run()
    (run_dir / "seed_10" / "mining_random" / "scores.nc").unlink()
    run = read_run(run_dir)
    tables = forgettability_tables(run)
    seeds = tables["overall"].drop_duplicates("compression").set_index("compression")["n_seeds"]
    assert seeds.to_dict() == {"global_magnitude": 3, "random": 2}
    said = sentences(forgettability_notes(run, tables))
    assert "random was not mined for seed 10" in said
    for stage in ("mining_structured", "mining_quantized", "mining_low_rank"):
        assert f"(stage {stage}): left out" in said
    assert "was not mined at 0.05, 0.1, 0.15" in said  # of the paper's sweep, only .5 and .9 were


def test_a_single_class(write_run: WriteRun) -> None:
    run_dir = write_run(seeds=(3, 10), classes=("Hernia", "No Finding"), frequencies=(0.3,))
    tables = forgettability_tables(read_run(run_dir))
    assert len(tables["dissimilarity"]) == 2  # one pair for each compression
    assert tables["fcd_regression"]["estimate"].isna().all()


def test_nothing_but_the_dense_network(write_run: WriteRun) -> None:
    run = read_run(write_run(sparsities=(0.0,)))
    with pytest.raises(ValueError, match="got the dense network alone; mine at others"):
        forgettability_tables(run)


@pytest.mark.parametrize(
    ("unlearned", "useless"), [(["Hernia"], False), (["Effusion", "Mass", "Hernia", "No Finding"], True)]
)
def test_classes_that_were_never_learned_are_named(write_run: WriteRun, unlearned: list[str], useless: bool) -> None:
    folder = write_run(stages=("mining",))
    for path in folder.glob("seed_*/mining/scores.nc"):
        content = read_scores(path)
        names = list(read_run(folder).classes)
        content["probability"][..., [names.index(name) for name in unlearned]] = 0.5  # equal ones: no ranking
        write_scores(path, content)
    run = read_run(folder)
    tables = forgettability_tables(run)
    drops = tables["first_drop"].set_index("class")
    assert drops.index[drops["never_learned"]].tolist() == unlearned
    assert drops.loc["Hernia", "ap_dense"] == pytest.approx((run.labels[:, 2] == 1).mean())
    notes = forgettability_notes(run, tables).set_index("about")["note"]
    assert all(name in notes["never_learned"] for name in unlearned)
    assert ("usefulness" in notes) == useless
