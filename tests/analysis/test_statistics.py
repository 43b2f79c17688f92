"""Tests of paired comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from htl_monai.analysis import compare, paired_bootstrap


def draw(seed=0, n=60, shift=0.05):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.3, 0.9, n)
    return a, a + shift + rng.normal(0, 0.05, n)


def test_interval_is_near_the_normal_one_and_p_value_is_that_of_scipy():
    a, b = draw()
    result = paired_bootstrap(a, b, seed=1)
    mean, error = (b - a).mean(), stats.sem(b - a)
    assert result.difference == pytest.approx(mean)
    assert result.low == pytest.approx(mean - 2 * error, abs=0.15 * error)
    assert result.high == pytest.approx(mean + 2 * error, abs=0.15 * error)
    assert result.p_value == stats.wilcoxon(b - a).pvalue
    assert (result.n, result.n_missing) == (60, 0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(-0.2, 0.2))
def test_the_seed_decides_and_swapping_the_models_mirrors_the_result(seed, shift):
    a, b = draw(seed, n=25, shift=shift)
    result, again, swapped = (paired_bootstrap(*pair, 200, seed=seed) for pair in ((a, b), (a, b), (b, a)))
    assert result == again
    assert swapped.difference == pytest.approx(-result.difference)
    assert (swapped.low, swapped.high) == pytest.approx((-result.high, -result.low))
    assert swapped.p_value == pytest.approx(result.p_value)
    assert result.low <= result.difference <= result.high


def test_missing_pairs_are_left_out_and_counted():
    a, b = draw()
    expected = paired_bootstrap(a[3:], b[3:], 500)
    a[0], b[1], a[2], b[2] = np.nan, np.nan, np.nan, np.nan
    result = paired_bootstrap(a, b, 500)
    assert (result.n, result.n_missing) == (57, 3)
    assert (result.difference, result.low, result.high) == (expected.difference, expected.low, expected.high)


def test_few_or_equal_pairs():
    equal = paired_bootstrap([0.5, 0.6, 0.7] * 10, [0.5, 0.6, 0.7] * 10)
    assert (equal.difference, equal.p_value) == (0, 1) and np.isnan([equal.low, equal.high]).all()
    single = paired_bootstrap([0.5], [0.6])
    assert single.difference == pytest.approx(0.1) and np.isnan([single.low, single.high]).all()
    assert equal.note == single.note == "too few to say"
    none = paired_bootstrap([np.nan], [0.6])
    assert (none.n, none.n_missing, none.n_subjects) == (0, 1, 0)
    assert np.isnan([none.difference, none.low, none.high, none.p_value]).all()


def test_differences_of_rounding_are_none():
    scores = np.random.default_rng(0).uniform(0.3, 0.9, 60)
    result = paired_bootstrap(scores, (scores + 0.1) - 0.1)
    assert 0 < abs(result.difference) < 1e-15 and result.p_value == 1 and result.note == "too few to say"
    shifted = paired_bootstrap(scores, scores + 1e-12)
    assert np.isnan([shifted.low, shifted.high]).all()  # all differ by the same: the spread is rounding


def test_images_of_one_subject_are_one_draw():
    a, b = draw(n=40)
    once = paired_bootstrap(a, b, 999)
    subjects = [f"patient_{n}" for n in range(40)] * 3
    tripled = paired_bootstrap(np.tile(a, 3), np.tile(b, 3), 999, subjects=subjects)
    assert (tripled.low, tripled.high) == pytest.approx((once.low, once.high))
    assert tripled.p_value == pytest.approx(once.p_value)
    assert (tripled.n, tripled.n_subjects, once.n_subjects) == (120, 40, 40)


def test_compare_takes_the_subjects_of_the_reference_and_corrects_over_its_rows():
    names = ["foreground_iou", "foreground_dice"]
    dense = build_scores(0).assign(subject=[f"patient_{n // 2}" for n in range(30)])
    table = compare({"dense": dense, "htl": build_scores(1)}, "dense", names, n_resamples=99)
    assert table["n_subjects"].tolist() == [15, 15] and (table["note"] == "too few to say").all()
    smaller, larger = sorted(table["p_value"])
    assert sorted(table["p_holm"]) == pytest.approx(sorted([2 * smaller, max(2 * smaller, larger)]))


def build_scores(seed=0, n=30):
    rng = np.random.default_rng(seed)
    ids = [f"image_{i}" for i in range(n)]
    return pd.DataFrame({"id": ids, "foreground_iou": rng.uniform(size=n), "foreground_dice": rng.uniform(size=n)})


def test_compare_pairs_by_id_whatever_the_order():
    dense, htl = build_scores(0), build_scores(1)
    names = ["foreground_iou", "foreground_dice"]
    htl.loc[4, "foreground_dice"] = np.nan
    table = compare({"dense": dense, "htl": htl}, "dense", names, n_resamples=300)
    shuffled = compare({"dense": dense.sample(frac=1, random_state=0), "htl": htl}, "dense", names, n_resamples=300)
    pd.testing.assert_frame_equal(table, shuffled)
    assert table["model"].tolist() == ["htl", "htl"] and table["score"].tolist() == names
    assert table["difference"].iloc[0] == pytest.approx((htl["foreground_iou"] - dense["foreground_iou"]).mean())
    assert table[["n", "n_missing"]].values.tolist() == [[30, 0], [29, 1]]
    np.testing.assert_allclose(table["mean"] - table["mean_reference"], table["difference"])


def test_compare_has_a_row_per_other_model_and_score():
    scores = {"random": build_scores(0), "dense": build_scores(1), "htl": build_scores(2)}
    table = compare(scores, "dense", ["foreground_iou"], n_resamples=50)
    assert table["model"].tolist() == ["random", "htl"]
    alone = compare({"dense": scores["dense"]}, "dense", ["foreground_iou"])
    assert alone.empty and list(alone.columns) == list(table.columns)


def test_bad_pairs_and_options_are_refused():
    with pytest.raises(ValueError, match=r"^b must be \(N,\) like a, got \(2,\) and \(1,\); pass scores of the same"):
        paired_bootstrap([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^b must be \(N,\) like a, got \(1, 1\) and \(1, 1\); "):
        paired_bootstrap([[0.1]], [[0.2]])


def test_bad_tables_are_refused():
    dense, htl, names = build_scores(0), build_scores(1), ["foreground_iou"]
    with pytest.raises(KeyError, match=r"reference must be one of \['htl'\], got 'dense'; name a table"):
        compare({"htl": htl}, "dense", names)
    with pytest.raises(
        ValueError,
        match=r"^scores of htl must have the ids of dense, got 1 missing \['image_0'\] and 1 unexpected \['x'\]; ev",
    ):
        compare({"dense": dense, "htl": htl.replace("image_0", "x")}, "dense", names)
    with pytest.raises(
        ValueError, match=r"^scores of htl must have one row per image, got 1 repeated ids \['image_1'\]"
    ):
        compare({"dense": dense, "htl": htl.replace("image_0", "image_1")}, "dense", names)
    with pytest.raises(KeyError, match=r"scores of htl must have the columns \['foreground_iou'\], got \['id'"):
        compare({"dense": dense, "htl": htl.drop(columns=names)}, "dense", names)
