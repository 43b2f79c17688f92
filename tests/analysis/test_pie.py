"""Tests of the choice of images that pruning changes most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from htl_monai.analysis.pie import image_agreement, image_hardness, modal_disagreement, pruning_identified


def draw(seed=0, n=30, n_classes=6, levels=None):
    probabilities = np.random.default_rng(seed).random((2, n, n_classes))
    return np.round(probabilities * levels) / levels if levels else probabilities


@pytest.mark.parametrize("levels", [None, 10, 2])
def test_agreement_is_that_of_scipy_row_by_row(levels):
    dense, pruned = draw(levels=levels)
    table = image_agreement(dense, pruned)
    for i in range(len(dense)):
        constant = min(np.ptp(dense[i]), np.ptp(pruned[i])) == 0
        expected = np.nan if constant else stats.spearmanr(dense[i], pruned[i]).statistic
        assert table["spearman"][i] == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert table["taxicab"][i] == pytest.approx(sum(abs(a - b) for a, b in zip(dense[i], pruned[i], strict=True)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 20))
def test_agreement_with_itself_is_whole_and_follows_the_images(seed, n_classes):
    dense, pruned = draw(seed, 12, n_classes)
    itself = image_agreement(dense, dense)
    assert itself["spearman"].to_numpy() == pytest.approx(1) and (itself["taxicab"] == 0).all()
    order = np.random.default_rng(seed).permutation(12)
    moved = image_agreement(dense[order], pruned[order])
    np.testing.assert_array_equal(moved, image_agreement(dense, pruned).iloc[order])
    reversed_ = image_agreement(dense, 1 - dense)["spearman"].to_numpy()
    assert reversed_ == pytest.approx(-1)


def test_an_image_without_order_has_a_distance_but_no_correlation():
    table = image_agreement([[0.5, 0.5], [0.2, 0.4]], [[0.1, 0.2], [0.3, 0.3]])
    assert table["spearman"].isna().all()
    assert table["taxicab"].tolist() == pytest.approx([0.7, 0.2])
    single = image_agreement([[0.5], [0.2]], [[0.1], [0.2]])
    assert single["spearman"].isna().all() and single["taxicab"].tolist() == pytest.approx([0.4, 0])


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


def test_the_lowest_or_the_highest_are_chosen():
    score = [0.3, -0.5, 0.9, 0.1, 0.7]
    assert np.flatnonzero(pruning_identified(score, 0.4)).tolist() == [1, 3]
    assert np.flatnonzero(pruning_identified(score, 0.4, lowest=False)).tolist() == [2, 4]
    assert pruning_identified(score, 1.0).all()
    assert np.flatnonzero(pruning_identified(score, 0.001)).tolist() == [1]


def test_ties_at_the_limit_go_to_the_earlier_images():
    assert np.flatnonzero(pruning_identified([0.5, 0.2, 0.5, 0.5, 0.5, 0.9], 0.5)).tolist() == [0, 1, 2]
    assert np.flatnonzero(pruning_identified([0.5, 0.5, 0.5, 0.5], 0.5, lowest=False)).tolist() == [0, 1]


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(st.floats(-1, 1) | st.just(float("nan")), min_size=1, max_size=60).filter(
        lambda s: min(s) == min(s)
    ),
    share=st.floats(0.01, 1),
)
def test_as_many_as_asked_for_and_none_below_the_rest(scores, share):
    scores = np.array(scores)
    chosen, known = pruning_identified(scores, share), ~np.isnan(scores)
    assert chosen.sum() == max(1, round(share * known.sum()))
    assert not (chosen & ~known).any()
    assert (scores[chosen].max() <= scores[known & ~chosen]).all()


def test_an_image_that_is_nan_is_never_chosen():
    score = np.array([np.nan, 0.1, np.nan, 0.9, 0.5])
    assert np.flatnonzero(pruning_identified(score, 0.5)).tolist() == [1, 4]
    assert np.flatnonzero(pruning_identified(score, 0.5, lowest=False)).tolist() == [3, 4]


def test_bad_input_is_refused():
    dense, pruned = draw()
    with pytest.raises(
        ValueError, match=r"^dense and pruned must be \(N, C\) of the same images and classes, got \(30"
    ):
        image_agreement(dense, pruned[:, :5])
    with pytest.raises(ValueError, match=r"^dense and pruned must be \(R, N, C\) of the same images and classes, got"):
        modal_disagreement(dense, pruned)
    with pytest.raises(ValueError, match="^dense and pruned must be numbers, got NaN; check the network's weights"):
        image_agreement(dense, np.where(pruned > 0.9, np.nan, pruned))
    with pytest.raises(ValueError, match=r"^share must be in \(0, 1\], got 5; 0.05 means 5 % of the images"):
        pruning_identified([0.1, 0.2], 5)
    with pytest.raises(ValueError, match=r"^score must be \(N,\) with N > 0, got \(0,\); pass one column"):
        pruning_identified([])
    with pytest.raises(
        ValueError, match="^score must be a number for at least one image, got NaN for all 2; rank corr"
    ):
        pruning_identified([np.nan, np.nan])


def test_hardness_is_one_minus_the_rank_correlation_and_infinite_for_what_was_never_learned():
    rng = np.random.default_rng(0)
    dense, pruned = rng.random((2, 6, 4))
    dense[1], pruned[2], dense[3] = 0.5, 0.2, 0.7
    pruned[3] = 0.7
    hard = image_hardness(dense, pruned)
    assert hard[[1, 2, 3]].tolist() == [np.inf, 1.0, np.inf]
    ranked = [0, 4, 5]
    np.testing.assert_allclose(hard[ranked], 1 - image_agreement(dense, pruned)["spearman"].to_numpy()[ranked])
    assert np.isnan(image_hardness(dense[:, :1], pruned[:, :1])).all()  # a single class has no order
