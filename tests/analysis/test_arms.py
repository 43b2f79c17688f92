"""Tests of the comparison of arms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from htl_monai.analysis.arms import compare_arms
from htl_monai.statistics.holm import holm
from htl_monai.statistics.two_spreads import TwoSpreads

CLASSES = ["Atelectasis", "Edema", "Hernia"]


def draw(n=120, n_seeds=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < [0.4, 0.2, 0.1]).astype(float)
    names = ("left_alone", "removed", "upweighted")
    signal = dict(zip(names, (0.3, 0.3, 0.9), strict=True))
    arms = {name: (rng.random((n_seeds, n, 3)) + signal[name] * labels).astype(np.float32) for name in names}
    return labels, arms


def test_average_precision_is_scikit_learn_s_averaged_over_seeds():
    labels, arms = draw()
    table = compare_arms(labels, arms, classes=CLASSES, n_resamples=20)
    assert table["arm"].tolist() == ["removed"] * 4 + ["upweighted"] * 4
    assert table["class"].tolist() == [*CLASSES, "mean"] * 2
    assert set(table["reference"]) == {"left_alone"} and set(table["n_seeds"]) == {3}
    assert table["n_positive"].tolist()[:3] == labels.sum(axis=0).tolist()
    for arm, rows in table.groupby("arm"):
        for base, column in ((arms["left_alone"], "ap_reference"), (arms[arm], "ap")):
            expected = [[average_precision_score(labels[:, c], one[:, c]) for c in range(3)] for one in base]
            per_class = np.mean(expected, axis=0)
            np.testing.assert_allclose(rows[column], [*per_class, per_class.mean()], atol=1e-7)
    np.testing.assert_allclose(table["difference"], table["ap"] - table["ap_reference"], atol=1e-12)


def test_spread_is_that_of_the_seeds_differences():
    labels, arms = draw()
    row = compare_arms(labels, arms, n_resamples=5).query("arm == 'upweighted' and `class` == '1'").iloc[0]
    ap = {
        name: [average_precision_score(labels[:, 1], one[:, 1]) for one in arms[name]]
        for name in ("left_alone", "upweighted")
    }
    assert row["difference_sd"] == pytest.approx(np.std(np.subtract(ap["upweighted"], ap["left_alone"]), ddof=1))


def test_interval_is_of_a_plain_paired_bootstrap_and_of_the_seeds_together():
    labels, arms = draw(n=60, n_seeds=2)
    row = compare_arms(labels, arms, n_resamples=100, seed=1).query("arm == 'upweighted' and `class` == '0'").iloc[0]
    rng, differences = np.random.default_rng(1), []
    for _ in range(100):
        drawn = rng.integers(0, 60, 60)
        ap = {
            name: np.mean([average_precision_score(labels[drawn, 0], one[drawn, 0]) for one in arms[name]])
            for name in ("left_alone", "upweighted")
        }
        differences.append(ap["upweighted"] - ap["left_alone"])
    n_positive = int(labels[:, 0].sum())
    spread = TwoSpreads(row["difference_sd"] ** 2 / 2, np.var(differences, ddof=1), 2, n_positive)
    expected = row["difference"] + np.array([-1, 1]) * spread.half_width(0.95)
    np.testing.assert_allclose(row[["low", "high"]].astype(float), expected, rtol=1e-5)
    assert row["p_value"] == pytest.approx(spread.p_value(row["difference"]), rel=1e-4)


def test_of_no_effect_little_is_called_significant_with_several_images_a_subject():
    p_values = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        subjects = np.repeat(np.arange(60), 3)
        labels = (rng.random(60) < 0.3)[subjects][:, None].astype(float)
        base, other = (rng.normal(size=60)[subjects] + 0.5 * rng.normal(size=(3, 180)) for _ in range(2))
        arms = {"left_alone": labels + base[..., None], "removed": labels + other[..., None]}
        row = compare_arms(labels, arms, n_resamples=60, subjects=subjects).iloc[0]
        p_values.append((row["p_value"], compare_arms(labels, arms, n_resamples=60).iloc[0]["p_value"]))
    ours, naive = (np.array(p_values) <= 0.05).mean(axis=0)
    assert ours <= 0.1 < naive


def test_p_values_are_corrected_over_the_arms_in_the_mean_and_over_all_else_apart():
    labels, arms = draw()
    table = compare_arms(labels, arms, n_resamples=30)
    for rows in (table.query("`class` == 'mean'"), table.query("`class` != 'mean'")):
        np.testing.assert_allclose(rows["p_holm"].astype(float), holm(rows["p_value"]))


def test_a_class_of_few_positive_subjects_says_so():
    labels, arms = draw()
    labels[:, 2] = np.arange(120) < 9
    table = compare_arms(labels, arms, n_resamples=20).set_index(["arm", "class"])
    assert table.loc[("removed", "2"), "note"] == "too few to say" and np.isnan(table.loc[("removed", "2"), "low"])
    assert (table.drop(index="2", level=1)["note"] == "").all()


def test_an_arm_equal_to_the_reference_has_an_interval_of_no_width():
    labels, arms = draw()
    table = compare_arms(labels, {"left_alone": arms["removed"], "again": arms["removed"]}, n_resamples=50)
    assert (table[["difference", "low", "high", "difference_sd"]] == 0).all(axis=None)


def test_the_seed_decides_and_the_order_of_the_images_plays_no_part_in_the_estimate():
    labels, arms = draw()
    table = compare_arms(labels, arms, n_resamples=30, seed=4)
    pd.testing.assert_frame_equal(table, compare_arms(labels, arms, n_resamples=30, seed=4))
    turned = compare_arms(labels[::-1], {name: values[:, ::-1] for name, values in arms.items()}, n_resamples=30)
    np.testing.assert_allclose(turned["difference"], table["difference"], atol=1e-12)


def test_unknown_labels_are_left_out_of_their_class():
    labels, arms = draw()
    labels[:40, 0] = np.nan
    table = compare_arms(labels, arms, classes=CLASSES, n_resamples=20)
    without = compare_arms(labels[40:, :1], {name: values[:, 40:, :1] for name, values in arms.items()}, n_resamples=20)
    columns = ["n_positive", "ap_reference", "ap", "difference_sd"]
    found = table.loc[table["class"] == "Atelectasis", columns].to_numpy()
    np.testing.assert_allclose(found, without.loc[without["class"] == "0", columns].to_numpy())


def test_a_class_without_positives_is_nan_and_not_in_the_mean():
    labels, arms = draw()
    labels[:, 2] = 0
    table = compare_arms(labels, arms, classes=CLASSES, n_resamples=20).set_index(["arm", "class"])
    measured = ["ap_reference", "ap", "difference", "low", "high", "difference_sd"]
    assert table.loc[("removed", "Hernia"), measured].isna().all()
    assert table.loc[("removed", "Hernia"), "n_positive"] == 0
    mean = table.loc["removed"].loc[["Atelectasis", "Edema"], "difference"].mean()
    assert table.loc[("removed", "mean"), "difference"] == pytest.approx(mean)


def test_one_seed_has_no_spread():
    labels, arms = draw(n_seeds=1)
    table = compare_arms(labels, arms, n_resamples=20)
    assert table[["difference_sd", "low", "high", "p_value", "p_holm"]].isna().all(axis=None)
    assert (table["note"] == "one seed only").all()


def test_bad_arms_are_refused():
    labels, arms = draw()
    with pytest.raises(
        KeyError, match="reference must be one of left_alone, removed, upweighted, got 'dense'; name an"
    ):
        compare_arms(labels, arms, reference="dense")
    with pytest.raises(
        ValueError, match=r"^arms must all be \(seeds, images, classes\) = \(3, 120, 3\) with at least "
    ):
        compare_arms(labels, {**arms, "removed": arms["removed"][:2]})
    with pytest.raises(ValueError, match=r"^arms must hold no NaN, got some for removed; check the weights"):
        compare_arms(labels, {**arms, "removed": np.full_like(arms["removed"], np.nan)})
    with pytest.raises(ValueError, match=r"^classes must name the 3 columns of labels, got 1 names; "):
        compare_arms(labels, arms, classes=["Hernia"])
    with pytest.raises(ValueError, match=r"^n_resamples must be at least 2, got 0; 1000 is usual"):
        compare_arms(labels, arms, n_resamples=0)
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        compare_arms(labels, arms, confidence=95)
