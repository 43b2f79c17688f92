"""Tests of the table of pairs and the regression on it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from htl_monai.analysis.fcd_regression import regress_fcd
from htl_monai.analysis.pairs_of_classes import class_pairs_table

CLASSES = ("Effusion", "Mass", "Hernia")
CURVES = np.array([[0.0, -0.1, -0.4], [-0.1, -0.4, -0.9]])
IOU = np.array([[1.0, 0.0625, 0.0], [0.0625, 1.0, 0.0001], [0.0, 0.0001, 1.0]])
TERMS = ["intercept", "delta_log_frequency", "iou_root4", "delta_log_frequency:iou_root4"]


def draw(seed=0, n_classes=9):
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(n_classes, 1)
    n = len(a)
    pairs = pd.DataFrame({"class_a": a, "class_b": b})
    pairs["delta_log_frequency"], pairs["iou_root4"] = rng.uniform(0, 5, n), rng.uniform(0, 0.8, n)
    gap, together = pairs["delta_log_frequency"], pairs["iou_root4"]
    pairs["fcd_euclidean"] = 0.3 + 0.4 * gap - 0.2 * together - 0.1 * gap * together + rng.normal(0, 0.05, n)
    pairs["fcd_mse"] = pairs["fcd_euclidean"] ** 2 / 19
    return pairs


def test_pairs_by_hand():
    pairs = class_pairs_table(CLASSES, CURVES, [100, 50, 2], IOU)
    assert pairs[["class_a", "class_b"]].values.tolist() == [
        ["Effusion", "Mass"],
        ["Effusion", "Hernia"],
        ["Mass", "Hernia"],
    ]
    np.testing.assert_allclose(pairs["fcd_mse"], [(0.01 + 0.09) / 2, (0.16 + 0.64) / 2, (0.09 + 0.25) / 2])
    np.testing.assert_allclose(pairs["fcd_euclidean"], np.sqrt([0.1, 0.8, 0.34]))
    np.testing.assert_allclose(pairs["delta_log_frequency"], np.log([2, 50, 25]))
    np.testing.assert_allclose(pairs["iou"], [0.0625, 0, 0.0001])
    np.testing.assert_allclose(pairs["iou_root4"], [0.5, 0, 0.1])


def test_order_of_the_classes_changes_the_names_of_a_pair_alone():
    forwards = class_pairs_table(CLASSES, CURVES, [100, 50, 2], IOU)
    backwards = class_pairs_table(CLASSES[::-1], CURVES[:, ::-1], [2, 50, 100], IOU[::-1, ::-1])
    numbers = ["fcd_mse", "fcd_euclidean", "delta_log_frequency", "iou", "iou_root4"]
    np.testing.assert_allclose(backwards[numbers].iloc[::-1], forwards[numbers])


def test_a_class_without_test_image_or_curve_is_nan():
    curves = CURVES.copy()
    curves[:, 2] = np.nan
    pairs = class_pairs_table(CLASSES, curves, [100, 50, 0], IOU)
    with_it = pairs["class_b"] == "Hernia"
    assert pairs.loc[with_it, ["fcd_mse", "fcd_euclidean", "delta_log_frequency"]].isna().all(axis=None)
    assert pairs.loc[~with_it].notna().all(axis=None)


def test_a_single_class_has_no_pairs():
    pairs = class_pairs_table(["Hernia"], [[-0.5]], [3], [[1.0]])
    assert pairs.empty and "fcd_euclidean" in pairs
    fit = regress_fcd(pairs)
    assert fit["term"].tolist() == TERMS and fit["estimate"].isna().all() and (fit["n"] == 0).all()


@pytest.mark.parametrize("response", ["fcd_euclidean", "fcd_mse"])
def test_fit_is_that_of_lstsq_and_of_the_formula_interface(response):
    pairs = draw()
    fit = regress_fcd(pairs, response)
    gap, together = pairs["delta_log_frequency"], pairs["iou_root4"]
    design = np.column_stack([np.ones(len(pairs)), gap, together, gap * together])
    np.testing.assert_allclose(fit["estimate"], np.linalg.lstsq(design, pairs[response], rcond=None)[0])
    reference = smf.ols(f"{response} ~ delta_log_frequency * iou_root4", pairs).fit()
    np.testing.assert_allclose(fit["estimate"], reference.params)
    np.testing.assert_allclose(fit["r_squared"], reference.rsquared)
    assert fit["term"].tolist() == TERMS
    assert (
        (fit["n"] == 36).all()
        and (fit["n_classes"] == 9).all()
        and (fit["n_missing"] == 0).all()
        and (fit["response"] == response).all()
    )


def test_wider_confidence_gives_wider_intervals():
    wide, narrow = (regress_fcd(draw(), confidence=level) for level in (0.99, 0.5))
    assert (wide["low"] < narrow["low"]).all() and (wide["high"] > narrow["high"]).all()


def test_p_values_are_those_of_permuted_residuals():
    pairs = draw(3, n_classes=6)  # 720 permutations: all are made
    pairs["fcd_euclidean"] += np.random.default_rng(9).normal(0, 0.5, len(pairs))
    fit = regress_fcd(pairs, n_permutations=720).set_index("term")
    reference = smf.ols("fcd_euclidean ~ delta_log_frequency * iou_root4", pairs).fit()
    rest = smf.ols("iou_root4 ~ delta_log_frequency + delta_log_frequency:iou_root4", pairs).fit().resid.to_numpy()
    square = np.zeros((6, 6))
    square[np.triu_indices(6, 1)] = rest
    square += square.T
    found = []
    for order in permutations(range(6)):
        pairs["permuted"] = square[np.ix_(order, order)][np.triu_indices(6, 1)]
        design = pairs[["permuted", "delta_log_frequency"]].assign(
            one=1, both=pairs["delta_log_frequency"] * pairs["iou_root4"]
        )
        inverse = np.linalg.inv(design.T @ design)
        slopes = inverse @ design.T @ pairs["fcd_euclidean"]
        left = pairs["fcd_euclidean"] - design @ slopes.to_numpy()
        found.append(slopes.iloc[0] / np.sqrt(inverse[0, 0] * (left @ left) / (len(pairs) - 4)))
    expected = np.mean(np.abs(found) >= abs(reference.tvalues["iou_root4"]) - 1e-9)
    assert fit.loc["iou_root4", "p_value"] == pytest.approx(expected)
    assert np.isnan(fit.loc["intercept", "p_value"]) and fit["low"].isna().all()  # six classes are too few to say


def test_intervals_are_those_of_leaving_each_class_out():
    pairs = draw(4, n_classes=8)
    without = [
        smf.ols("fcd_euclidean ~ delta_log_frequency * iou_root4", pairs.query("class_a != @c and class_b != @c"))
        .fit()
        .params
        for c in range(8)
    ]
    error = np.sqrt(7 / 8 * ((without - np.mean(without, axis=0)) ** 2).sum(axis=0))
    fit = regress_fcd(pairs, n_permutations=9)
    np.testing.assert_allclose(fit["high"] - fit["estimate"], stats.t.ppf(0.975, 7) * error)
    np.testing.assert_allclose(fit["estimate"] - fit["low"], stats.t.ppf(0.975, 7) * error)


def test_no_effect_is_seldom_significant_where_co_occurrence_follows_frequency():
    rng = np.random.default_rng(0)
    p_values, naive, covered = [], [], []
    for _ in range(120):
        frequency, place = rng.normal(size=12), rng.exponential(size=(12, 2))  # some classes are far from all others
        a, b = np.triu_indices(12, 1)
        pairs = pd.DataFrame({"class_a": a, "class_b": b, "delta_log_frequency": abs(frequency[a] - frequency[b])})
        pairs["iou_root4"] = 1 / (1 + np.exp(-(frequency[a] + frequency[b]) / 2 + rng.normal(0, 0.2, len(a))))
        pairs["fcd_euclidean"] = np.hypot(*(place[a] - place[b]).T)
        fit = regress_fcd(pairs, n_permutations=199).set_index("term").loc["iou_root4"]
        p_values.append(fit["p_value"])
        covered.append(fit["low"] <= 0 <= fit["high"])
        naive.append(smf.ols("fcd_euclidean ~ delta_log_frequency * iou_root4", pairs).fit().pvalues["iou_root4"])
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1 < 0.2 <= np.mean(np.array(naive) <= 0.05)
    assert np.mean(covered) >= 0.9


def test_a_class_with_pairs_that_are_not_measured_is_left_out_and_its_pairs_counted():
    pairs = draw()
    without = pairs.query("class_a != 0 and class_b != 0")
    pairs.loc[[0, 1], "fcd_euclidean"], pairs.loc[2, "iou_root4"] = np.nan, np.nan  # all three of the first class
    fit, expected = regress_fcd(pairs), regress_fcd(without)
    pd.testing.assert_frame_equal(fit.drop(columns="n_missing"), expected.drop(columns="n_missing"))
    assert (fit["n"] == 28).all() and (fit["n_missing"] == 8).all()


def test_what_is_not_determined_is_nan():
    few = regress_fcd(draw(n_classes=3))
    assert few[["estimate", "low", "high", "p_value", "r_squared"]].isna().all(axis=None) and (few["n"] == 3).all()
    collinear = regress_fcd(draw().assign(iou_root4=0.0))  # no two findings ever meet
    assert collinear[["estimate", "low", "high", "p_value", "r_squared"]].isna().all(axis=None)


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"^curves, n_test and iou must be of the 2 classes, got 3 curves, n_test \(3,\)"
    ):
        class_pairs_table(CLASSES[:2], CURVES, [100, 50, 2], IOU)
    with pytest.raises(ValueError, match="^n_test must be 0 or more, got -1; count"):
        class_pairs_table(CLASSES, CURVES, [100, 50, -1], IOU)
    with pytest.raises(KeyError, match=r"pairs must have the columns \['fcd'\], got \['class_a"):
        regress_fcd(draw(), "fcd")
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        regress_fcd(draw(), confidence=95)
    with pytest.raises(ValueError, match="^n_permutations must be at least 1, got 0"):
        regress_fcd(draw(), n_permutations=0)
