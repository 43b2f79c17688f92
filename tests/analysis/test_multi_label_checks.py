"""Tests of what the analysis refuses."""

from __future__ import annotations

import numpy as np
import pytest

from htl_monai.analysis.multi_label_checks import checked_ap, checked_labels


def test_good_input_comes_back_as_floats():
    labels = checked_labels([[True, False], [1, np.nan]], ["Mass", "Hernia"])
    np.testing.assert_array_equal(labels, [[1.0, 0.0], [1.0, np.nan]])
    ap = np.array([[[0.5, np.nan], [1.0, np.nan]]], dtype=np.float32)
    assert checked_ap(ap, (0.0, 0.5)).dtype == np.float64


@pytest.mark.parametrize("labels", [[1, 0], np.zeros((0, 2)), np.zeros((2, 0))])
def test_labels_of_another_shape_are_refused(labels):
    with pytest.raises(ValueError, match=r"^labels must be \(N, C\) with N, C > 0, got \("):
        checked_labels(labels)


def test_odd_labels_and_names_are_refused():
    with pytest.raises(ValueError, match="^labels must be 0, 1 or NaN for unknown, got -1; round"):
        checked_labels([[0, 1], [np.nan, -1]])
    with pytest.raises(ValueError, match="^classes must name the 2 columns of labels, got 1 names"):
        checked_labels([[0, 1]], ["Mass"])


def test_bad_average_precisions_are_refused():
    with pytest.raises(ValueError, match=r"^ap must be \(R, K, C\) with R, K, C > 0, got \(1, 2\); pass seeds"):
        checked_ap([[0.5, 0.4]])
    with pytest.raises(ValueError, match=r"^ap must be in \[0, 1\], got 50; pass fractions"):
        checked_ap([[[50.0], [np.nan]]])


@pytest.mark.parametrize("sparsities", [(0.0,), (0.1, 0.5), (0.0, 0.0)])
def test_sparsities_that_do_not_fit_are_refused(sparsities):
    with pytest.raises(ValueError, match=r"^sparsities must be the 2 of ap, ascending from 0, got \[.*mine the dense"):
        checked_ap([[[0.5], [0.4]]], sparsities)
