"""Tests of forgetting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from htl_monai.ranking.hardness import (
    forgetting,
    hardness,
    hardness_rank,
    is_never_learned,
    never_learned_in,
    relative_forgetting,
)

SCORE = st.just(0.0) | st.floats(1e-6, 1)  # no score lies between 0 and one pixel of the union
SCORES = st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=20)


def test_values_by_hand():
    dense, pruned = [0.8, 0.5, 0.5, 0.25], [0.2, 0.5, 0.75, 0.0]
    np.testing.assert_allclose(forgetting(dense, pruned), [0.6, 0.0, -0.25, 0.25])
    np.testing.assert_allclose(relative_forgetting(dense, pruned), [0.75, 0.0, -0.5, 1.0])


def test_what_cannot_be_measured_is_nan():
    dense, pruned = [np.nan, 0.5, 0.0, 0.0], [0.5, np.nan, 0.0, 0.3]
    np.testing.assert_array_equal(forgetting(dense, pruned), [np.nan, np.nan, 0.0, -0.3])
    np.testing.assert_array_equal(relative_forgetting(dense, pruned), [np.nan] * 4)


@given(pairs=SCORES)
def test_no_drop_is_zero_and_higher_means_harder(pairs):
    dense, pruned = np.array(pairs).T
    assert not forgetting(dense, dense).any()
    harder = forgetting(dense, pruned / 2)
    assert (harder >= forgetting(dense, pruned)).all()
    relative = relative_forgetting(dense, pruned)
    assert (np.isnan(relative) == (dense == 0)).all()
    assert (relative[dense > 0] <= 1).all()


@given(pairs=SCORES, seed=st.integers(0, 100))
def test_permuting_images_permutes_forgetting(pairs, seed):
    dense, pruned = np.array(pairs).T
    order = np.random.default_rng(seed).permutation(len(dense))
    np.testing.assert_array_equal(
        relative_forgetting(dense[order], pruned[order]), relative_forgetting(dense, pruned)[order]
    )


@given(pairs=SCORES)
def test_every_measured_image_has_a_rank_and_those_never_learned_have_the_first(pairs):
    dense, pruned = np.array(pairs).T
    unlearned = is_never_learned(dense)
    ranks = hardness_rank(hardness(relative_forgetting(dense, pruned), unlearned))
    assert sorted(ranks) == list(range(1, len(dense) + 1))
    assert (ranks[unlearned] <= unlearned.sum()).all()


def test_a_table_without_the_column_tells_who_was_never_learned():
    dense, pruned = [0.8, 0.0, np.nan], [0.2, 0.0, 0.3]
    table = pd.DataFrame(
        {"forgetting": forgetting(dense, pruned), "forgetting_relative": relative_forgetting(dense, pruned)}
    )
    assert never_learned_in(table).tolist() == [False, True, False]
    assert never_learned_in(table.assign(never_learned=[True, False, False])).tolist() == [True, False, False]


def test_columns_are_taken_by_position_and_inputs_stay():
    dense, pruned = pd.Series([0.5, 0.0], index=[0, 1]), pd.Series([0.25, 0.5], index=[1, 0])
    assert relative_forgetting(dense, pruned)[0] == 0.5
    assert dense.tolist() == [0.5, 0.0]


def test_float32_scores_are_computed_in_float64():
    assert forgetting(torch.tensor([0.5]), np.float32([0.25])).dtype == np.float64


@pytest.mark.parametrize("function", [forgetting, relative_forgetting])
def test_shapes_must_agree(function):
    with pytest.raises(ValueError, match=r"^pruned must have the shape of dense, \(2,\), got \(3,\); score the same"):
        function([0.5, 0.5], [0.1, 0.2, 0.3])
