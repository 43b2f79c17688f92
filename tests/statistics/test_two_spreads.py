"""Tests of the spread by seeds and images."""

from __future__ import annotations

import pytest
from scipy import stats

from htl_monai.statistics.two_spreads import TwoSpreads


def test_of_one_spread_alone_it_is_students_t():
    assert TwoSpreads(4.0, 0.0, 5, 9).half_width(0.9) == pytest.approx(2 * stats.t.ppf(0.95, 4))
    assert TwoSpreads(0.0, 4.0, 5, 9).p_value(3.0) == pytest.approx(2 * stats.t.sf(1.5, 8))


def test_the_quantiles_are_weighted_by_the_variances():
    spread = TwoSpreads(1.0, 3.0, 3, 100)
    t = 0.25 * stats.t.ppf(0.975, 2) + 0.75 * stats.t.ppf(0.975, 99)
    assert spread.error == 2 and spread.half_width(0.95) == pytest.approx(2 * t)


@pytest.mark.parametrize("difference", [0.01, -1.0, 30.0])
def test_the_p_value_is_of_the_interval_that_ends_at_zero(difference):
    spread = TwoSpreads(1.0, 0.5, 3, 20)
    assert spread.half_width(1 - spread.p_value(difference)) == pytest.approx(abs(difference))


def test_a_difference_beyond_all_measure_is_next_to_impossible():
    assert TwoSpreads(0.0, 1e-30, 2, 1000).p_value(1.0) == 1e-200
