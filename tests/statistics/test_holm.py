"""Tests of Holm's correction."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.multitest import multipletests

from htl_monai.statistics.holm import holm


def test_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.9]), [0.04, 0.09, 0.09, 0.9])


def test_it_is_that_of_statsmodels():
    p_values = np.random.default_rng(0).uniform(0, 0.2, 30).round(2)  # some are equal
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


def test_what_was_not_tested_does_not_count():
    np.testing.assert_allclose(holm([np.nan, 0.01, np.nan, 0.04]), [np.nan, 0.02, np.nan, 0.04])
    assert np.isnan(holm([np.nan, np.nan])).all() and holm([]).shape == (0,)
