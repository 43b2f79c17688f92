"""Tests of the test of a gap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from htl_monai.statistics.gap_test import gap_test


def test_without_subjects_it_is_the_test_of_welch() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.normal(size=50), np.arange(50) < 12
    expected = stats.ttest_ind(values[inside], values[~inside], equal_var=False)
    gap, error, p_value = gap_test(values, inside)
    assert (gap / error, p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_images_seen_twice_say_no_more() -> None:
    rng = np.random.default_rng(0)
    values, inside, subjects = rng.normal(size=40), np.arange(40) % 3 == 0, np.arange(40)
    twice = gap_test(np.tile(values, 2), np.tile(inside, 2), np.tile(subjects, 2))
    assert twice == pytest.approx(gap_test(values, inside))


def test_of_subjects_on_both_sides_the_differences_count() -> None:
    rng = np.random.default_rng(0)
    of_subject, noise = np.repeat(rng.normal(0, 5, 40), 2), rng.normal(0, 0.1, 80)
    inside = np.arange(80) % 2 == 0
    values = of_subject + noise + 0.3 * inside
    pairs = (values[inside] - values[~inside]).std(ddof=1) / np.sqrt(40)
    assert gap_test(values, inside)[2] > 0.5
    _, error, p_value = gap_test(values, inside, np.repeat(np.arange(40), 2))
    assert error == pytest.approx(pairs) and p_value < 1e-9


def test_where_nothing_varies_or_one_is_alone_there_is_no_p_value() -> None:
    assert np.isnan(gap_test([0.5] * 10, np.arange(10) < 5)[1:]).all()
    assert np.isnan(gap_test([0.1, 0.2, 0.3], [True, False, False])[2])
    assert np.isnan(gap_test([0.1, 0.2], [True, True])).all()
