"""Tests of the interval of a mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from htl_monai.statistics.bootstrap_interval import bootstrap_interval, too_few

DISTRIBUTIONS = {
    "normal": (lambda rng, n: rng.normal(1, 1, n), 1.0),
    "skewed": (lambda rng, n: rng.exponential(size=n), 1.0),
    "zero-inflated": (lambda rng, n: (rng.random(n) < 0.3) * rng.uniform(0.2, 1, n), 0.18),
}


@pytest.mark.parametrize(("n", "least"), [(20, 0.89), (60, 0.91)])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_it_covers_what_it_promises_or_says_nothing(name, n, least):
    draw, mean = DISTRIBUTIONS[name]
    rng = np.random.default_rng(n)
    ends = np.array([bootstrap_interval(draw(rng, n), 300) for _ in range(300)])
    said = ends[~np.isnan(ends[:, 0])]
    covered = (said[:, 0] <= mean) & (mean <= said[:, 1])
    if (name, n) != ("zero-inflated", 20):  # there seldom are ten that differ
        assert len(said) > 280 and covered.mean() >= least


def test_percentiles_would_not_cover():
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for _ in range(200):
        values = rng.exponential(size=20)
        low, high = bootstrap_interval(values, 300)
        means = values[rng.integers(0, 20, (300, 20))].mean(axis=1)
        ours.append(low <= 1 <= high)
        theirs.append(np.quantile(means, 0.025) <= 1 <= np.quantile(means, 0.975))
    assert np.mean(ours) > np.mean(theirs) + 0.02


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_of_rare_events_it_says_nothing(share):
    rng = np.random.default_rng(1)
    said = [not np.isnan(bootstrap_interval(rng.random(50) < share, 50)[0]) for _ in range(50)]
    assert not any(said)


def test_of_many_normal_values_it_is_students():
    values = np.random.default_rng(2).normal(size=2000)
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    error = stats.sem(values)
    assert bootstrap_interval(values, 4000, confidence=0.9) == pytest.approx(tuple(reference), abs=0.08 * error)


def test_it_is_scipys_bootstrap_of_the_same_t():
    values = np.random.default_rng(3).exponential(size=40)
    drawn = values[np.random.default_rng(7).integers(0, 40, (500, 40))]
    t = (drawn.mean(axis=1) - values.mean()) / (drawn.std(axis=1, ddof=1) / np.sqrt(40))
    low, high = values.mean() - np.quantile(t, [0.975, 0.025]) * stats.sem(values)
    assert bootstrap_interval(values, 500, seed=7) == pytest.approx((low, high))


def test_images_of_one_subject_count_once():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 6, 400)
    covered, naive = [], []
    for seed in range(200):
        subjects = np.repeat(np.arange(30), sizes[seed : seed + 30])
        values = rng.normal(size=30)[subjects] + 0.3 * rng.normal(size=len(subjects))
        for found, whom in ((covered, subjects), (naive, None)):
            low, high = bootstrap_interval(values, 200, seed, subjects=whom)
            found.append(low <= 0 <= high)
    assert np.mean(naive) < 0.85 < 0.9 < np.mean(covered)


def test_memory_is_bounded_and_the_result_the_same(monkeypatch):
    values = np.random.default_rng(5).normal(size=60)
    whole = bootstrap_interval(values, 1000)
    monkeypatch.setattr("htl_monai.statistics.bootstrap_interval._ENTRIES_AT_ONCE", 60 * 7)
    assert bootstrap_interval(values, 1000) == whole


def test_too_few_subjects_or_too_few_that_differ():
    assert too_few([]) and too_few(np.arange(19)) and not too_few(np.arange(20))
    assert too_few(np.arange(40), subjects=np.arange(40) // 3)  # 14 subjects
    assert too_few([0.0] * 91 + [1.0] * 9) and not too_few([0.0] * 90 + [1.0] * 10)
    assert too_few([0.0] * 50 + [1.0] * 50, subjects=[*range(50), *[99] * 50])  # all ones are of one subject
    assert too_few(0.3 * 3 - 0.9 + 1e-16 * (np.arange(40) % 2) + 0.9) and too_few(np.arange(40), resolution=100)


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        bootstrap_interval([0.1, 0.2], confidence=95)
    with pytest.raises(ValueError, match="^n_resamples must be at least 1, got 0; 10000 is usual"):
        bootstrap_interval([0.1, 0.2], n_resamples=0)
    with pytest.raises(ValueError, match="^subjects must have one entry for each of 2 images, got 1; pass None"):
        bootstrap_interval([0.1, 0.2], subjects=["a"])
