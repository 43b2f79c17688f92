"""Tests of the dissimilarity of forgettability curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from htl_monai.analysis.pairs_of_classes import forgettability_dissimilarity


def test_both_readings_against_scikit_learn_and_numpy():
    curves = np.random.default_rng(0).uniform(-1, 0, (19, 4))
    mse, euclidean = forgettability_dissimilarity(curves)
    for a in range(4):
        for b in range(4):
            assert mse[a, b] == pytest.approx(mean_squared_error(curves[:, a], curves[:, b]), abs=1e-15)
            assert euclidean[a, b] == pytest.approx(np.linalg.norm(curves[:, a] - curves[:, b]), abs=1e-15)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_sparsities=st.integers(1, 19), n_classes=st.integers(1, 6))
def test_it_is_a_distance_and_the_two_readings_belong_together(seed, n_sparsities, n_classes):
    curves = np.random.default_rng(seed).uniform(-1, 0.2, (n_sparsities, n_classes))
    mse, euclidean = forgettability_dissimilarity(curves)
    assert mse.shape == euclidean.shape == (n_classes, n_classes)
    np.testing.assert_allclose(euclidean, np.sqrt(n_sparsities * mse), atol=1e-12)
    np.testing.assert_array_equal(mse, mse.T)
    assert (np.diag(euclidean) == 0).all()
    assert (euclidean[:, :, None] <= euclidean[:, None, :] + euclidean.T[None] + 1e-12).all()


def test_a_class_without_curve_is_nan_with_all_and_with_itself():
    mse, euclidean = forgettability_dissimilarity([[0.0, np.nan, -0.5], [-0.2, np.nan, -0.5]])
    for table in (mse, euclidean):
        np.testing.assert_array_equal(np.isnan(table), [[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    assert mse[0, 2] == pytest.approx((0.25 + 0.09) / 2)


def test_bad_curves_are_refused():
    for curves in ([0.1, 0.2], np.zeros((0, 3)), np.zeros((3, 0))):
        with pytest.raises(ValueError, match=r"^curves must be \(K - 1, C\) with a curve in it, got \("):
            forgettability_dissimilarity(curves)
