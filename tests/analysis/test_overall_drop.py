"""Tests of the loss over all classes and its significance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from htl_monai.analysis.forgettability import first_significant, overall_drop

SPARSITIES = (0.0, 0.3, 0.6, 0.9)


def draw(seed=0, n_seeds=5):
    """Draw two classes that lose nothing at 0.3, little at 0.6 and much at 0.9."""
    rng = np.random.default_rng(seed)
    dense = rng.uniform(0.5, 0.6, (n_seeds, 1, 2))
    return dense - np.array([0, 0, 0.02, 0.3])[:, None] + np.r_[0, rng.normal(0, 0.005, 3)][:, None]


def student(differences):
    """One-sided p-value of a paired t-test by its formula."""
    n = len(differences)
    t = differences.mean() / (differences.std(ddof=1) / np.sqrt(n))
    return stats.t.cdf(t, n - 1)


def test_numbers_by_formula():
    rng = np.random.default_rng(0)
    ap = draw() + rng.normal(0, 0.003, (5, 4, 2))
    table = overall_drop(ap, SPARSITIES)
    mean = ap.mean(axis=-1)
    np.testing.assert_allclose(table["ap_mean"], mean.mean(axis=0))
    np.testing.assert_allclose(table["ap_std"], [np.std(column, ddof=1) for column in mean.T])
    np.testing.assert_allclose(table["difference"], mean.mean(axis=0) - mean[:, 0].mean())
    p = [student(mean[:, k] - mean[:, 0]) for k in (1, 2, 3)]
    np.testing.assert_allclose(table["p_value"], [np.nan, *p])
    # Holm: the smallest times 3, the next times 2, the last times 1, never falling.
    order = np.argsort(p)
    holm = np.empty(3)
    holm[order] = np.minimum(np.maximum.accumulate(np.array(p)[order] * [3, 2, 1]), 1)
    np.testing.assert_allclose(table["p_holm"], [np.nan, *holm])
    assert (table["n_seeds"] == 5).all() and (table["n_classes"] == 2).all()
    assert table["significant"].isna().tolist() == [True, False, False, False]
    assert table["significant"][1:].tolist() == (holm <= 0.05).tolist()


def test_only_a_fall_is_significant():
    ap = draw() + np.random.default_rng(1).normal(0, 0.001, (5, 4, 2))
    fallen, risen = overall_drop(ap, SPARSITIES), overall_drop(1 - ap, SPARSITIES)
    np.testing.assert_allclose(risen["p_value"], 1 - fallen["p_value"])
    assert fallen["significant"].iloc[-1] and not risen["significant"].iloc[-1]


def test_first_significant_takes_the_first():
    table = pd.DataFrame({"sparsity": SPARSITIES, "significant": pd.array([pd.NA, False, True, True], "boolean")})
    assert first_significant(table) == 0.6
    assert np.isnan(first_significant(table.iloc[:2]))


def test_alpha_decides():
    ap = draw() + np.random.default_rng(0).normal(0, 0.003, (5, 4, 2))
    p_holm = overall_drop(ap, SPARSITIES)["p_holm"]
    strict = overall_drop(ap, SPARSITIES, alpha=float(p_holm[3]) / 2)
    assert not strict["significant"].iloc[3]


def test_one_seed_has_neither_spread_nor_test():
    table = overall_drop(draw(n_seeds=1), SPARSITIES)
    assert table[["ap_std", "p_value", "p_holm", "significant"]].isna().all(axis=None)
    assert table["ap_mean"].notna().all() and (table["n_seeds"] == 1).all()
    assert np.isnan(first_significant(table))


def test_a_class_that_cannot_be_measured_is_left_out_of_the_mean():
    ap = draw()
    with_nan = np.concatenate([ap, np.full((5, 4, 1), np.nan)], axis=-1)
    pd.testing.assert_frame_equal(overall_drop(with_nan, SPARSITIES), overall_drop(ap, SPARSITIES))
    nothing = overall_drop(with_nan[..., 2:], SPARSITIES)
    assert (nothing["n_classes"] == 0).all()
    assert nothing[["ap_mean", "difference", "p_value", "significant"]].isna().all(axis=None)


def test_seeds_that_all_lose_the_same_or_nothing():
    ap = np.full((3, 3, 1), 0.5)
    ap[:, 2] = 0.25
    table = overall_drop(ap, (0.0, 0.5, 0.9))
    assert table["p_value"].isna().tolist() == [True, False, True] and table.loc[1, "p_value"] == 1
    assert table["significant"].isna().tolist() == [True, False, True]


def test_two_seeds_that_lose_the_same_next_to_nothing_are_no_proof():
    ap = np.stack([[[0.14], [0.14 - 1e-12]], [[0.15], [0.15 - 1e-12]]])
    table = overall_drop(ap, (0.0, 0.9))
    assert table.loc[1, "difference"] < 0 and np.isnan(table.loc[1, "p_value"]) and np.isnan(first_significant(table))


def test_the_dense_network_alone_has_one_row_and_no_test():
    table = overall_drop(draw()[:, :1], (0.0,))
    assert len(table) == 1 and np.isnan(first_significant(table))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"^alpha must be in \(0, 1\), got 5; 0.05 is usual"):
        overall_drop(draw(), SPARSITIES, alpha=5)
    with pytest.raises(ValueError, match="^sparsities must be the 4 of ap, ascending from 0"):
        overall_drop(draw(), SPARSITIES[1:])
