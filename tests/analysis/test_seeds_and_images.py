"""Tests of differences over seeds and images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from htl_monai.analysis.seeds_and_images import seeds_and_images_interval


def draw(rng, n_seeds, n_images, sd_seed, skewed):
    """Return differences of mean 0 whose images are alike between the seeds."""
    noise = (lambda *shape: rng.exponential(size=shape) - 1) if skewed else (lambda *shape: rng.normal(size=shape))
    return sd_seed * rng.normal(size=(n_seeds, 1)) + 0.5 * noise(1, n_images) + 0.5 * noise(n_seeds, n_images)


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("sd_seed", [0.0, 0.3])
@pytest.mark.parametrize("n_seeds", [2, 3, 5, 10])
def test_interval_covers_and_calls_little_significant_where_there_is_no_effect(n_seeds, sd_seed, skewed):
    rng = np.random.default_rng(n_seeds)
    results = [seeds_and_images_interval(draw(rng, n_seeds, 40, sd_seed, skewed)) for _ in range(250)]
    covered = np.mean([result.low <= 0 <= result.high for result in results])
    assert covered >= 0.91  # of 250 at 0.95, one in a hundred stays below
    assert np.mean([result.p_value < 0.05 for result in results]) == pytest.approx(1 - covered)


def test_an_interval_over_images_alone_would_not_cover():
    rng = np.random.default_rng(0)
    ours = theirs = 0
    for _ in range(100):
        differences = draw(rng, 3, 200, 0.3, skewed=False)
        result = seeds_and_images_interval(differences)
        ours += result.p_value < 0.05
        theirs += stats.ttest_1samp(differences[0], 0).pvalue < 0.05
    assert ours <= 10 < 60 < theirs


def test_of_seeds_alone_it_is_the_t_interval_of_their_means():
    differences = np.array([[0.1], [0.4], [0.2]]) + np.zeros(8)
    result = seeds_and_images_interval(differences)
    expected = stats.ttest_1samp(differences[:, 0], 0)
    interval = expected.confidence_interval()
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.p_value == pytest.approx(expected.pvalue)


def test_of_images_alone_it_is_the_t_interval_of_the_images():
    image = np.random.default_rng(0).normal(0.2, 1, 30)
    result = seeds_and_images_interval(np.stack([image, image]))
    interval = stats.ttest_1samp(image, 0).confidence_interval()
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))


def test_the_p_value_is_where_the_interval_ends_at_zero():
    differences = draw(np.random.default_rng(3), 4, 25, 0.2, skewed=False) + 0.3
    result = seeds_and_images_interval(differences)
    at_the_edge = seeds_and_images_interval(differences, confidence=1 - result.p_value)
    assert min(abs(at_the_edge.low), abs(at_the_edge.high)) == pytest.approx(0, abs=1e-9)


def test_images_of_one_subject_count_as_one_draw():
    image = np.random.default_rng(1).normal(size=(3, 20))
    once = seeds_and_images_interval(image)
    tripled = np.repeat(image, 3, axis=1)
    result = seeds_and_images_interval(tripled, subjects=list(np.repeat(np.arange(20), 3)))
    assert (result.low, result.high) == pytest.approx((once.low, once.high))
    assert (once.n_images, result.n_images) == (20, 60)
    naive = seeds_and_images_interval(tripled)
    assert naive.high - naive.low < result.high - result.low


def test_an_unknown_subject_is_one_of_its_own():
    differences = draw(np.random.default_rng(2), 3, 12, 0.1, skewed=False)
    assert seeds_and_images_interval(differences, [None] * 11 + [float("nan")]) == seeds_and_images_interval(
        differences
    )


def test_what_was_not_measured_is_left_out():
    differences = draw(np.random.default_rng(4), 4, 50, 0.2, skewed=False)
    padded = np.full((5, 53), np.nan)
    padded[:4, :50] = differences
    assert seeds_and_images_interval(padded) == seeds_and_images_interval(differences)
    differences[0, :5] = np.nan
    result = seeds_and_images_interval(differences)
    assert result.difference == pytest.approx(np.nanmean(differences))
    assert (result.n_seeds, result.n_images) == (4, 50)
    assert result.low < result.difference < result.high


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1)])
def test_one_seed_or_one_image_says_nothing_of_others(shape):
    result = seeds_and_images_interval(np.random.default_rng(0).normal(size=shape))
    assert np.isnan([result.low, result.high, result.p_value]).all()
    assert not np.isnan(result.difference)


def test_no_measurement_gives_nan_and_networks_that_are_alike_no_difference():
    empty = seeds_and_images_interval(np.full((2, 3), np.nan))
    assert np.isnan(empty.difference) and empty.n_images == 0
    same = seeds_and_images_interval(np.zeros((3, 9)))
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("value", [1e-12, 0.1])
def test_a_spread_of_rounding_is_none(value):
    scores = np.random.default_rng(0).uniform(size=(3, 9))
    result = seeds_and_images_interval((scores + value) - scores)
    assert np.isnan([result.low, result.high, result.p_value]).all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"differences must be \(S, N\), got \(3,\)"):
        seeds_and_images_interval([1, 2, 3])
    with pytest.raises(ValueError, match="differences must be finite"):
        seeds_and_images_interval([[np.inf, 1.0]])
    with pytest.raises(ValueError, match="subjects must have one entry for each of 2 images, got 1"):
        seeds_and_images_interval([[0.0, 1.0]], subjects=["a"])
    with pytest.raises(ValueError, match="confidence must be in"):
        seeds_and_images_interval([[0.0, 1.0]], confidence=95)
