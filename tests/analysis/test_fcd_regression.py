"""Tests of the table of pairs and the regression on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from htl_monai.analysis.fcd_regression import pairs_table, regress_fcd

CLASSES = ("Effusion", "Mass", "Hernia")
CURVES = np.array([[0.0, -0.1, -0.4], [-0.1, -0.4, -0.9]])
IOU = np.array([[1.0, 0.0625, 0.0], [0.0625, 1.0, 0.0001], [0.0, 0.0001, 1.0]])
TERMS = ["intercept", "delta_log_frequency", "iou_root4", "delta_log_frequency:iou_root4"]


def draw(seed=0, n=40):
    rng = np.random.default_rng(seed)
    pairs = pd.DataFrame({"delta_log_frequency": rng.uniform(0, 5, n), "iou_root4": rng.uniform(0, 0.8, n)})
    gap, together = pairs["delta_log_frequency"], pairs["iou_root4"]
    pairs["fcd_euclidean"] = 0.3 + 0.4 * gap - 0.2 * together - 0.1 * gap * together + rng.normal(0, 0.05, n)
    pairs["fcd_mse"] = pairs["fcd_euclidean"] ** 2 / 19
    return pairs


def test_pairs_by_hand():
    pairs = pairs_table(CLASSES, CURVES, [100, 50, 2], IOU)
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
    forwards = pairs_table(CLASSES, CURVES, [100, 50, 2], IOU)
    backwards = pairs_table(CLASSES[::-1], CURVES[:, ::-1], [2, 50, 100], IOU[::-1, ::-1])
    numbers = ["fcd_mse", "fcd_euclidean", "delta_log_frequency", "iou", "iou_root4"]
    np.testing.assert_allclose(backwards[numbers].iloc[::-1], forwards[numbers])


def test_a_class_without_test_image_or_curve_is_nan():
    curves = CURVES.copy()
    curves[:, 2] = np.nan
    pairs = pairs_table(CLASSES, curves, [100, 50, 0], IOU)
    with_it = pairs["class_b"] == "Hernia"
    assert pairs.loc[with_it, ["fcd_mse", "fcd_euclidean", "delta_log_frequency"]].isna().all(axis=None)
    assert pairs.loc[~with_it].notna().all(axis=None)


def test_a_single_class_has_no_pairs():
    pairs = pairs_table(["Hernia"], [[-0.5]], [3], [[1.0]])
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
    np.testing.assert_allclose(fit[["low", "high"]], reference.conf_int(0.05))
    np.testing.assert_allclose(fit["p_value"], reference.pvalues)
    np.testing.assert_allclose(fit["r_squared"], reference.rsquared)
    assert fit["term"].tolist() == TERMS
    assert (fit["n"] == 40).all() and (fit["n_missing"] == 0).all() and (fit["response"] == response).all()


def test_wider_confidence_gives_wider_intervals():
    wide, narrow = (regress_fcd(draw(), confidence=level) for level in (0.99, 0.5))
    assert (wide["low"] < narrow["low"]).all() and (wide["high"] > narrow["high"]).all()


def test_pairs_with_a_nan_are_left_out_and_counted():
    pairs = draw()
    expected = regress_fcd(pairs.iloc[3:])
    pairs.loc[0, "fcd_euclidean"], pairs.loc[1, "iou_root4"], pairs.loc[2, "delta_log_frequency"] = [np.nan] * 3
    fit = regress_fcd(pairs)
    pd.testing.assert_frame_equal(fit.drop(columns="n_missing"), expected.drop(columns="n_missing"))
    assert (fit["n"] == 37).all() and (fit["n_missing"] == 3).all()


def test_what_is_not_determined_is_nan():
    few = regress_fcd(draw(n=4))
    assert few[["estimate", "low", "high", "p_value", "r_squared"]].isna().all(axis=None) and (few["n"] == 4).all()
    collinear = regress_fcd(draw().assign(iou_root4=0.0))  # no two findings ever meet
    assert collinear[["estimate", "low", "high", "p_value", "r_squared"]].isna().all(axis=None)


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"^curves, n_test and iou must be of the 2 classes, got 3 curves, n_test \(3,\)"
    ):
        pairs_table(CLASSES[:2], CURVES, [100, 50, 2], IOU)
    with pytest.raises(ValueError, match="^n_test must be 0 or more, got -1; count"):
        pairs_table(CLASSES, CURVES, [100, 50, -1], IOU)
    with pytest.raises(KeyError, match=r"pairs must have the columns \['fcd'\], got \['delta"):
        regress_fcd(draw(), "fcd")
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        regress_fcd(draw(), confidence=95)
