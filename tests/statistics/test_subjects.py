"""Tests of numbering subjects, and of what is rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers


def test_numbers_by_first_occurrence_and_unknown_ones_apart():
    assert subject_numbers(["b", "a", "b"], 3).tolist() == [0, 1, 0]
    assert subject_numbers(pd.Series([np.nan, 7.0, np.nan, 7.0], index=[3, 1, 9, 2]), 4).tolist() == [0, 1, 2, 1]
    assert subject_numbers([None, 1, None], 3).tolist() == [0, 1, 2]
    assert subject_numbers(None, 2).tolist() == [0, 1] and not len(subject_numbers([], 0))
    with pytest.raises(ValueError, match="^subjects must have one entry for each of 3 images, got 1"):
        subject_numbers(["a"], 3)


def test_rounding_is_of_the_largest_value():
    steps = 64 * np.finfo(np.float64).eps
    assert resolution([0.1, -3.0], [np.nan]) == 3 * steps
    assert resolution([], [np.nan]) == 0
