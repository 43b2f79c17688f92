"""Tests of the ratio of two shares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from htl_monai.statistics.ratio_interval import ratio_interval


@pytest.mark.parametrize(("share", "other"), [(0.1, 0.1), (0.1, 0.03), (0.7, 0.4)])
def test_it_covers_with_few_events_where_percentiles_do_not(share, other):
    rng = np.random.default_rng(0)
    ours, percentiles = [], []
    for _ in range(300):
        events, others = rng.binomial(27, share), rng.binomial(500, other)
        low, high, _ = ratio_interval(events, 27, others, 500)
        ours.append(low <= share / other <= high)
        drawn = rng.binomial(27, events / 27, 300) / 27 / (np.maximum(0.5, rng.binomial(500, others / 500, 300)) / 500)
        percentiles.append(np.quantile(drawn, 0.025) <= share / other <= np.quantile(drawn, 0.975))
    assert np.mean(ours) >= 0.93 and np.mean(ours) > np.mean(percentiles)


def test_no_effect_is_seldom_significant():
    rng = np.random.default_rng(1)
    p_values = [ratio_interval(rng.binomial(27, 0.05), 27, rng.binomial(500, 0.05), 500)[2] for _ in range(300)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.07


def test_a_share_of_none_has_one_end():
    low, high, p_value = ratio_interval(0, 27, 30, 522)
    assert low == 0 and 1 < high < 3 and p_value == fisher_exact([[0, 27], [30, 492]]).pvalue
    low, high, _ = ratio_interval(5, 27, 0, 522)
    assert high == np.inf and low > 5


@pytest.mark.parametrize("counts", [(0, 0, 1, 2), (1, 2, 0, 0), (0, 5, 0, 9), (5, 5, 9, 9)])
def test_what_cannot_be_measured_is_nan(counts):
    assert np.isnan(ratio_interval(*counts)).all()
