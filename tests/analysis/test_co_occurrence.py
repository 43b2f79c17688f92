"""Tests of how often findings occur together."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from htl_monai.analysis.pairs_of_classes import co_occurrence_iou


def test_it_is_the_jaccard_index_of_scikit_learn():
    labels = (np.random.default_rng(0).random((60, 4)) < [0.1, 0.3, 0.5, 0.9]).astype(int)
    iou = co_occurrence_iou(labels)
    for a in range(4):
        for b in range(4):
            assert iou[a, b] == pytest.approx(jaccard_score(labels[:, a], labels[:, b]))


def test_unknown_labels_leave_the_image_out_of_their_pairs_only():
    labels = np.random.default_rng(1).integers(0, 2, (50, 3)).astype(float)
    labels[np.random.default_rng(2).random(labels.shape) < 0.3] = np.nan
    iou = co_occurrence_iou(labels)
    for a in range(3):
        for b in range(3):
            pair = labels[:, [a, b]]
            pair = pair[~np.isnan(pair).any(axis=1)].astype(int)
            assert iou[a, b] == pytest.approx(jaccard_score(pair[:, 0], pair[:, 1]))


def test_findings_that_never_occur_have_no_value_and_those_that_never_meet_are_0():
    iou = co_occurrence_iou([[1, 0, 0, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(iou, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, np.nan, np.nan], [0, 0, np.nan, np.nan]])


def test_pairs_never_known_together_have_no_value():
    assert np.isnan(co_occurrence_iou([[1, np.nan], [np.nan, 1]])[0, 1])


def test_soft_labels_are_refused():
    with pytest.raises(ValueError, match="^labels must be 0, 1 or NaN for unknown, got 0.5; round"):
        co_occurrence_iou([[0.5, 1]])
