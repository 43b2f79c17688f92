"""Tests of average precision under many weightings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from htl_monai.analysis import average_precision as weighted_precision
from htl_monai.analysis.average_precision import weighted_average_precision


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), levels=st.integers(1, 50), share=st.floats(0.05, 0.95))
def test_it_is_scikit_learn_s_for_each_weighting_with_ties(seed, n, levels, share):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(int)
    labels[0] = 1
    probabilities = (rng.integers(0, levels, n) / levels).astype(np.float32)
    weights = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(5)], axis=1)
    found = weighted_average_precision(labels, probabilities, weights.astype(np.float32))
    for column, value in zip(weights.T, found, strict=True):
        if column[labels == 1].sum() == 0:
            assert np.isnan(value)
        else:
            expected = average_precision_score(labels, probabilities, sample_weight=column)
            assert value == pytest.approx(expected, abs=1e-9)


def test_blocks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(0)
    labels, probabilities, weights = rng.random(30) < 0.3, rng.random(30), rng.random((30, 7))
    whole = weighted_average_precision(labels, probabilities, weights)
    monkeypatch.setattr(weighted_precision, "_ENTRIES_AT_ONCE", 20)
    np.testing.assert_array_equal(weighted_average_precision(labels, probabilities, weights), whole)


def test_no_positive_and_no_image_give_nan():
    assert np.isnan(weighted_average_precision([0, 0], [0.1, 0.2], np.ones((2, 3)))).tolist() == [True] * 3
    assert np.isnan(weighted_average_precision([], [], np.ones((0, 2)))).tolist() == [True] * 2


def test_bad_shapes_are_refused():
    with pytest.raises(
        ValueError, match=r"^labels and probabilities must be \(N,\) and weights \(N, B\), got \(2,\), "
    ):
        weighted_average_precision([0, 1], [0.1], [[1], [1]])
    with pytest.raises(ValueError, match=r"\(2,\) and \(2,\); pass those of the same images"):
        weighted_average_precision([0, 1], [0.1, 0.2], [1, 1])
