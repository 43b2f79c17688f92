"""Tests of the choice of images that pruning changes most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from htl_monai.ranking.pie_modal import modal_disagreement
from htl_monai.ranking.pie_spearman import class_order_lost, rank_correlation
from htl_monai.ranking.pie_taxicab import taxicab


def draw(seed=0, n=30, n_classes=6, levels=None):
    probabilities = np.random.default_rng(seed).random((2, n, n_classes))
    return np.round(probabilities * levels) / levels if levels else probabilities


@pytest.mark.parametrize("levels", [None, 10, 2])
def test_agreement_is_that_of_scipy_row_by_row(levels):
    dense, pruned = draw(levels=levels)
    correlation, distance = rank_correlation(dense, pruned), taxicab(dense, pruned)
    for i in range(len(dense)):
        constant = min(np.ptp(dense[i]), np.ptp(pruned[i])) == 0
        expected = np.nan if constant else stats.spearmanr(dense[i], pruned[i]).statistic
        assert correlation[i] == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert distance[i] == pytest.approx(sum(abs(a - b) for a, b in zip(dense[i], pruned[i], strict=True)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 20))
def test_agreement_with_itself_is_whole_and_follows_the_images(seed, n_classes):
    dense, pruned = draw(seed, 12, n_classes)
    assert rank_correlation(dense, dense) == pytest.approx(1) and not taxicab(dense, dense).any()
    order = np.random.default_rng(seed).permutation(12)
    for measure in (rank_correlation, taxicab):
        np.testing.assert_array_equal(measure(dense[order], pruned[order]), measure(dense, pruned)[order])
    assert rank_correlation(dense, 1 - dense) == pytest.approx(-1)


def test_an_image_without_order_has_a_distance_but_no_correlation():
    dense, pruned = [[0.5, 0.5], [0.2, 0.4]], [[0.1, 0.2], [0.3, 0.3]]
    assert np.isnan(rank_correlation(dense, pruned)).all()
    assert taxicab(dense, pruned).tolist() == pytest.approx([0.7, 0.2])
    assert np.isnan(rank_correlation([[0.5], [0.2]], [[0.1], [0.2]])).all()
    assert taxicab([[0.5], [0.2]], [[0.1], [0.2]]).tolist() == pytest.approx([0.4, 0])


def networks(*votes, n_classes=3, sure=0.9):
    """Make networks of one image that each vote for a class."""
    return np.array([[[sure if c == vote else 0.1 for c in range(n_classes)]] for vote in votes])


@pytest.mark.parametrize(
    ("dense", "pruned", "differs"),
    [
        ((0, 0, 1), (0, 0, 2), False),
        ((0, 0, 1), (0, 1, 1), True),
        ((2, 2, 2), (2, 0, 0), True),
        ((1,), (1,), False),
    ],
)
def test_modal_labels_are_counted_over_the_seeds(dense, pruned, differs):
    assert modal_disagreement(networks(*dense), networks(*pruned)).tolist() == [differs]


def test_the_mode_is_that_of_scipy_where_it_is_the_only_one():
    rng = np.random.default_rng(0)
    dense, pruned = rng.random((2, 9, 200, 4))
    modes = []
    for networks_ in (dense, pruned):
        votes = np.stack([np.bincount(column, minlength=4) for column in networks_.argmax(-1).T])
        alone = (votes == votes.max(axis=1, keepdims=True)).sum(axis=1) == 1
        modes.append(np.where(alone, stats.mode(networks_.argmax(-1), axis=0).mode, -1))
    clear = (modes[0] >= 0) & (modes[1] >= 0)
    assert clear.sum() > 50
    np.testing.assert_array_equal(modal_disagreement(dense, pruned)[clear], (modes[0] != modes[1])[clear])


def test_equal_votes_are_settled_by_the_mean_probability():
    surer_of_1 = np.concatenate([networks(0, sure=0.5), networks(1, sure=0.9)])
    surer_of_0 = np.concatenate([networks(0, sure=0.9), networks(1, sure=0.5)])
    assert modal_disagreement(surer_of_1, networks(1, 1)).tolist() == [False]
    assert modal_disagreement(surer_of_1, surer_of_0).tolist() == [True]
    # The most probable class on average is not the winner where it has fewer votes.
    outvoted = np.concatenate([networks(0, 0, sure=0.2), networks(1, sure=0.9)])
    assert modal_disagreement(outvoted, networks(0, 0, 0)).tolist() == [False]


def test_bad_input_is_refused():
    dense, pruned = draw()
    with pytest.raises(
        ValueError, match=r"^dense and pruned must be \(N, C\) of the same images and classes, got \(30"
    ):
        rank_correlation(dense, pruned[:, :5])
    with pytest.raises(ValueError, match=r"^dense and pruned must be \(R, N, C\) of the same images and classes, got"):
        modal_disagreement(dense, pruned)
    with pytest.raises(ValueError, match="^dense and pruned must be numbers, got NaN; check the network's weights"):
        taxicab(dense, np.where(pruned > 0.9, np.nan, pruned))


def test_hardness_is_one_minus_the_rank_correlation_and_infinite_for_what_was_never_learned():
    rng = np.random.default_rng(0)
    dense, pruned = rng.random((2, 6, 4))
    dense[1], pruned[2], dense[3] = 0.5, 0.2, 0.7
    pruned[3] = 0.7
    hard = class_order_lost(dense, pruned)
    assert hard[[1, 2, 3]].tolist() == [np.inf, 1.0, np.inf]
    ranked = [0, 4, 5]
    np.testing.assert_allclose(hard[ranked], 1 - rank_correlation(dense, pruned)[ranked])
    assert np.isnan(class_order_lost(dense[:, :1], pruned[:, :1])).all()  # a single class has no order
