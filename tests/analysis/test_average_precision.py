"""Tests of the average precision of every class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from htl_monai.analysis.average_precision import average_precision


def draw(seed=0, shape=(2, 3), n=80, n_classes=5, levels=None, dtype=np.float32):
    """Draw labels with unknown ones and probabilities; with ``levels`` many images share a score."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, n_classes)) < np.linspace(0.03, 0.6, n_classes)).astype(float)
    labels[0] = 1
    labels[rng.random(labels.shape) < 0.1] = np.nan
    probabilities = rng.random((*shape, n, n_classes))
    if levels:
        probabilities = np.round(probabilities * levels) / levels
    return labels, probabilities.astype(dtype)


def reference(labels, probabilities):
    result = np.full((*probabilities.shape[:-2], labels.shape[1]), np.nan)
    for place in np.ndindex(result.shape):
        truth, scores = labels[:, place[-1]], probabilities[place[:-1]][:, place[-1]]
        known = ~np.isnan(truth)
        if (truth == 1).any():
            result[place] = average_precision_score(truth[known], scores[known])
    return result


@pytest.mark.parametrize("levels", [None, 20, 3, 1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_it_is_that_of_scikit_learn_with_ties_and_unknown_labels(levels, dtype):
    labels, probabilities = draw(levels=levels, dtype=dtype)
    np.testing.assert_allclose(average_precision(labels, probabilities), reference(labels, probabilities), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 30), levels=st.integers(1, 40))
def test_it_is_that_of_scikit_learn_whatever_is_drawn(seed, n, levels):
    labels, probabilities = draw(seed, (1,), n, 3, levels)
    np.testing.assert_allclose(average_precision(labels, probabilities), reference(labels, probabilities), atol=1e-12)


def test_hand_computed_values():
    # Positives at ranks 1 and 3: (1/1 + 2/3) / 2. One positive among three equal scores: 1/3.
    labels = [[1, 0], [0, 1], [1, 0]]
    probabilities = [[0.9, 0.5], [0.8, 0.5], [0.7, 0.5]]
    np.testing.assert_allclose(average_precision(labels, probabilities), [(1 + 2 / 3) / 2, 1 / 3])


def test_a_class_without_a_known_positive_is_nan_and_the_others_are_not():
    labels = np.array([[0, np.nan, 1, 1], [0, np.nan, 0, np.nan], [np.nan, np.nan, 0, 0]])
    result = average_precision(labels, np.random.default_rng(0).random((2, 3, 4)))
    assert np.isnan(result[:, :2]).all() and not np.isnan(result[:, 2:]).any()


def test_unknown_images_might_as_well_not_be_there():
    labels, probabilities = draw(shape=(), n_classes=1, levels=10)
    known = ~np.isnan(labels[:, 0])
    assert average_precision(labels, probabilities) == average_precision(labels[known], probabilities[known])


def test_order_of_images_and_monotone_scores_play_no_part():
    labels, probabilities = draw(levels=10)
    order = np.random.default_rng(1).permutation(len(labels))
    expected = average_precision(labels, probabilities)
    np.testing.assert_allclose(average_precision(labels[order], probabilities[..., order, :]), expected, rtol=1e-12)
    np.testing.assert_allclose(average_precision(labels, 3 * probabilities - 7), expected, rtol=1e-12)


def test_nothing_is_written_into_the_input():
    labels, probabilities = draw()
    labels.setflags(write=False)
    probabilities.setflags(write=False)
    assert average_precision(labels, probabilities).shape == (2, 3, 5)
    assert average_precision(labels, probabilities[0, 0]).shape == (5,)
    assert average_precision(labels, probabilities[:0]).shape == (0, 3, 5)


def test_integer_scores_are_taken():
    assert average_precision([[1], [0]], [[2], [1]]).tolist() == [1.0]


def test_bad_input_is_refused():
    labels, probabilities = draw()
    with pytest.raises(
        ValueError, match=r"^probabilities must be \(\.\.\., N, C\) with \(N, C\) = \(80, 5\) of labels"
    ):
        average_precision(labels, probabilities[..., :4])
    with pytest.raises(ValueError, match="^labels must be 0, 1 or NaN for unknown, got 2"):
        average_precision(np.full((80, 5), 2), probabilities)
    probabilities[1, 2, 7, 4] = np.nan
    with pytest.raises(
        ValueError, match="^probabilities must be numbers, got NaN for image 7 of 80; check the network"
    ):
        average_precision(labels, probabilities)
