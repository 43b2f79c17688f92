"""Tests of correlations with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from htl_monai.analysis.correlations import correlations

NUMBERS = ["estimate", "low", "high", "p_value"]


def draw(seed=0, n=15):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return x, np.round(0.7 * x + 0.5 * rng.normal(size=n), 1)


def fisher(r, variance):
    """Interval of a correlation by Fisher's transformation, written out."""
    z, half = 0.5 * np.log((1 + r) / (1 - r)), 1.959963984540054 * np.sqrt(variance)
    return [(np.exp(2 * value) - 1) / (np.exp(2 * value) + 1) for value in (z - half, z + half)]


def test_both_against_formulas_and_scipy():
    x, y = draw()
    pearson, spearman = correlations(x, y, "log_n", "drop").to_dict("records")
    assert (pearson["x"], pearson["y"], pearson["method"], spearman["method"]) == (
        "log_n",
        "drop",
        "pearson",
        "spearman",
    )
    assert pearson["estimate"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert [pearson["low"], pearson["high"]] == pytest.approx(fisher(pearson["estimate"], 1 / 12))
    assert pearson["p_value"] == pytest.approx(stats.linregress(x, y).pvalue)
    rank_r = np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1]
    assert spearman["estimate"] == pytest.approx(rank_r)
    assert [spearman["low"], spearman["high"]] == pytest.approx(fisher(rank_r, (1 + rank_r**2 / 2) / 12))
    assert spearman["p_value"] == pytest.approx(stats.spearmanr(x, y).pvalue)
    assert (pearson["n"], pearson["n_missing"]) == (15, 0)


def test_intervals_cover_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    rho = 0.6
    true_rank = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of a bivariate normal distribution
    inside = np.zeros(2)
    for _ in range(300):
        x, noise = rng.normal(size=(2, 30))
        table = correlations(x, rho * x + np.sqrt(1 - rho**2) * noise)
        inside += (table["low"] <= [rho, true_rank]) & (table["high"] >= [rho, true_rank])
    for count in inside:
        assert stats.binomtest(int(count), 300, 0.945).pvalue > 0.001


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(4, 30))
def test_swapping_changes_nothing_and_turning_one_mirrors(seed, n):
    x, y = draw(seed, n)
    table, swapped, turned = correlations(x, y), correlations(y, x), correlations(x, -y)
    np.testing.assert_allclose(swapped[NUMBERS], table[NUMBERS], atol=1e-12)
    np.testing.assert_allclose(turned[["estimate", "low", "high"]], -table[["estimate", "high", "low"]], atol=1e-12)
    known = table.dropna()
    assert (known["low"] <= known["estimate"]).all() and (known["estimate"] <= known["high"]).all()


def test_a_perfect_order_is_1_without_an_interval_to_speak_of():
    spearman = correlations([1, 2, 3, 4], [1, 4, 9, 16]).loc[1]
    assert spearman[["estimate", "low", "high", "p_value"]].tolist() == [1, 1, 1, 0]
    pearson = correlations([1, 2, 3, 4], [-1, -2, -3, -4]).loc[0]
    assert pearson[["estimate", "low", "high"]].astype(float).tolist() == pytest.approx([-1, -1, -1])


def test_pairs_with_a_nan_are_left_out_and_counted():
    x, y = draw()
    expected = correlations(x[2:], y[2:])
    x[0], y[1] = np.nan, np.nan
    table = correlations(x, y)
    pd.testing.assert_frame_equal(table[["method", *NUMBERS, "n"]], expected[["method", *NUMBERS, "n"]])
    assert (table["n_missing"] == 2).all()


@pytest.mark.parametrize(
    ("x", "y", "n"),
    [
        ([1, 2, 3], [1, 3, 2], 3),
        ([1, 2, 3, 4, 5], [1, np.nan, 2, np.nan, 4], 3),
        ([1, 1, 1, 1], [1, 2, 3, 4], 4),
        ([1, 2, 3, 4], [7, 7, 7, 7], 4),
        ([], [], 0),
    ],
)
def test_what_cannot_be_measured_is_nan(x, y, n):
    table = correlations(x, y)
    assert table[NUMBERS].isna().all(axis=None) and (table["n"] == n).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"^drop must be \(N,\) like log_n, got \(1,\) and \(2,\); pass pairs"):
        correlations([1, 2], [1], "log_n", "drop")
    with pytest.raises(ValueError, match="^log_n must be finite or NaN, got infinity; leave"):
        correlations([1, -np.inf], [1, 2], "log_n")
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        correlations([1, 2], [1, 2], confidence=95)
