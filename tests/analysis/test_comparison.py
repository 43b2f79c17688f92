"""Tests of paired comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from xarray import Dataset

from htl_monai.analysis.comparison import compare, paired_bootstrap, scores_in
from htl_monai.analysis.seeds_and_images import seeds_and_images_interval
from htl_monai.scores import make_scores
from htl_monai.statistics.holm import holm


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


def scored(seed: int = 0, n: int = 30, **metadata: list[str]) -> Dataset:
    """Scores of 30 images whose background is masked out."""
    rng = np.random.default_rng(seed)
    data = [{"id": f"image_{i}"} | {key: values[i] for key, values in metadata.items()} for i in range(n)]
    scores = {name: (("sample", "level"), rng.uniform(size=(n, 1))) for name in ("foreground_iou", "foreground_dice")}
    scores |= {"whole_image_iou": np.full(n, 0.1), "loss": (("sample", "level"), np.ones((n, 1)))}
    return make_scores(data, [item["id"] for item in data], scores, [0.0], ["lesion"])


def over_seeds(*seeds: Dataset) -> Dataset:
    return xr.concat(
        seeds, pd.Index(range(len(seeds)), name="seed"), data_vars="all", coords="minimal", join="override"
    )


def test_compare_takes_the_subjects_of_the_reference_and_corrects_over_its_rows():
    dense = scored(0, subject=[f"patient_{n // 2}" for n in range(30)])
    table = compare({"dense": dense, "htl": scored(1)})
    assert table["n_subjects"].tolist() == [15, 15]
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"]))


def test_compare_pairs_by_id_whatever_the_order():
    dense, htl = scored(0), scored(1)
    htl["foreground_dice"][0, 4] = np.nan
    table = compare({"dense": dense, "htl": htl})
    shuffled = compare({"dense": dense, "htl": htl.isel(sample=np.random.default_rng(0).permutation(30))})
    pd.testing.assert_frame_equal(table, shuffled)
    assert table["model"].tolist() == ["htl"] * 2 and table["score"].tolist() == ["foreground_iou", "foreground_dice"]
    expected = float((htl["foreground_iou"] - dense["foreground_iou"]).mean())
    assert table["difference"].iloc[0] == pytest.approx(expected)
    assert table[["n", "n_missing"]].values.tolist() == [[30, 0], [29, 1]]
    np.testing.assert_allclose(table["mean"] - table["mean_reference"], table["difference"])


def test_every_arm_stands_beside_the_reference_and_the_first_beside_the_others():
    arms = {"random": scored(0), "dense": scored(1), "htl": scored(2)}
    table = compare(arms).query("score == 'foreground_iou'")
    found = table[["model", "reference"]].values.tolist()
    assert found == [["random", "dense"], ["htl", "dense"], ["random", "htl"]]
    assert compare({"dense": scored(1)}).empty


def test_differences_are_judged_over_seeds_and_images():
    arms = {name: over_seeds(scored(first), scored(first + 10)) for first, name in enumerate(("dense", "htl", "loss"))}
    table = compare(arms)
    differences = (arms["htl"]["foreground_iou"] - arms["dense"]["foreground_iou"]).values.reshape(2, 30)
    expected = seeds_and_images_interval(differences)
    row = table.iloc[0]
    assert (row["difference"], row["low"], row["high"]) == (expected.difference, expected.low, expected.high)
    assert (row["n_seeds"], row["n_images"]) == (2, 30) and len(table) == 6
    assert row["mean"] - row["mean_reference"] == pytest.approx(row["difference"])
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"]))
    arms["htl"]["foreground_iou"][0, 0, 0] = np.nan  # this image is left out in this seed
    values = arms["htl"]["foreground_iou"].values.ravel()
    assert compare(arms).iloc[0]["mean"] == pytest.approx(np.nanmean(values))


def test_only_what_all_are_scored_in_and_is_better_when_higher_is_compared():
    with_boxes = scored().assign(box_iou=scored()["foreground_iou"], true_prob=scored()["foreground_iou"])
    assert scores_in([with_boxes]) == ["foreground_iou", "foreground_dice", "box_iou", "true_prob"]
    assert scores_in([with_boxes, scored()]) == ["foreground_iou", "foreground_dice"]


def test_bad_pairs_and_options_are_refused():
    with pytest.raises(ValueError, match=r"^b must be \(N,\) like a, got \(2,\) and \(1,\); pass scores of the same"):
        paired_bootstrap([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^b must be \(N,\) like a, got \(1, 1\) and \(1, 1\); "):
        paired_bootstrap([[0.1]], [[0.2]])


def test_bad_tables_are_refused():
    dense, htl = scored(0), scored(1)

    def renamed(name: str) -> Dataset:
        return htl.assign_coords(sample=[name, *htl["sample"].values[1:]])

    with pytest.raises(KeyError, match="reference must be one of htl, got 'dense'; name one that is scored"):
        compare({"htl": htl})
    with pytest.raises(
        ValueError,
        match=r"^scores of htl must have the ids of dense, got 1 missing \['image_0'\] and 1 unexpected \['x'\]; ev",
    ):
        compare({"dense": dense, "htl": renamed("x")})
    with pytest.raises(
        ValueError, match=r"^scores of htl must have one row per image, got 1 repeated ids \['image_1'\]"
    ):
        compare({"dense": dense, "htl": renamed("image_1")})
