"""Tests of how well a score finds planted images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from htl_monai.analysis.detection import detection, detection_by_rankings, detection_of_groups, yes_or_no


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_areas_equal_those_of_scikit_learn(seed, ties):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(50) < 12)
    scores = rng.normal(size=50) + truth
    scores = scores.round() if ties else scores
    result = detection(scores, truth)
    assert result["auroc"] == pytest.approx(roc_auc_score(truth, scores))
    assert result["average_precision"] == pytest.approx(average_precision_score(truth, scores))
    assert (result["n"], result["n_planted"], result["k"], result["base_rate"]) == (50, 12, 12, 0.24)
    if not ties:
        assert result["precision_at_k"] == pytest.approx(truth[np.argsort(-scores)[:12]].mean())


def test_precision_at_k_by_hand():
    scores, truth = [5, 4, 3, 2, 1], [1, 0, 1, 1, 0]
    assert [detection(scores, truth, k)["precision_at_k"] for k in (1, 2, 3, 5)] == pytest.approx(
        [1, 1 / 2, 2 / 3, 3 / 5]
    )
    assert detection(scores, truth)["k"] == 3


def test_ties_at_the_last_place_count_by_their_share():
    assert detection([2, 1, 1, 1], [1, 1, 0, 0], k=2)["precision_at_k"] == pytest.approx((1 + 1 / 3) / 2)
    constant = detection(np.zeros(10), np.arange(10) < 3)
    assert (constant["auroc"], constant["precision_at_k"]) == (0.5, pytest.approx(constant["base_rate"]))


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.0, np.nan]), st.booleans()), min_size=1, max_size=20),
    seed=st.integers(0, 100),
)
def test_permuting_images_changes_nothing(pairs, seed):
    order = np.random.default_rng(seed).permutation(len(pairs))
    scores, truth = np.array([score for score, _ in pairs]), np.array([planted for _, planted in pairs])
    assert detection(scores[order], truth[order]) == pytest.approx(detection(scores, truth), nan_ok=True)


def test_unscored_images_are_the_least_suspicious_and_counted():
    scores, truth = [0.9, np.nan, 0.2, -5.0], [1, 1, 0, 0]
    result = detection(scores, truth)
    assert result["n_unscored"] == 1
    assert result == detection([0.9, -6.0, 0.2, -5.0], truth) | {"n_unscored": 1}
    assert detection([np.nan, np.nan], [1, 0])["auroc"] == 0.5


def test_nothing_to_measure_is_nan():
    none = detection([0.1, 0.2], [0, 0])
    assert np.isnan([none["auroc"], none["average_precision"], none["precision_at_k"]]).all()
    assert none["base_rate"] == none["k"] == 0
    everything = detection([0.1, 0.2], [1, 1])
    assert np.isnan(everything["auroc"]) and everything["precision_at_k"] == 1


def test_a_group_is_held_against_the_easy_images_alone():
    scores = [0.9, 0.8, 0.5, 0.1, 0.4, 0.3]
    groups = ["hair", "hair", "small", "small", "none", "none"]
    found = detection_of_groups(scores, groups)
    assert found == {"auroc_hair": 1.0, "auroc_small": 0.5}
    order = [3, 5, 0, 2, 4, 1]
    assert detection_of_groups(np.array(scores)[order], [groups[i] for i in order]) == found
    assert detection_of_groups(scores, ["none"] * 6) == {}
    assert np.isnan(detection_of_groups([0.1, 0.2], ["hair", "hair"])["auroc_hair"])  # nothing easy to compare with


def test_bad_input_is_refused():
    with pytest.raises(
        ValueError, match=r"^truth must be \(N,\) like scores with N > 0, got \(1,\) and \(2,\); one of"
    ):
        detection([0.1, 0.2], [1])
    with pytest.raises(
        ValueError, match=r"^truth must be \(N,\) like scores with N > 0, got \(0,\) and \(0,\); one of"
    ):
        detection([], [])
    with pytest.raises(ValueError, match="^truth must be 0 or 1 for every image, got 2.0; 1 marks"):
        detection([0.1, 0.2], [1, 2])
    with pytest.raises(ValueError, match="^truth must be 0 or 1 for every image, got nan; 1 marks"):
        detection([0.1, 0.2], [1, None])
    with pytest.raises(ValueError, match="^k must be from 1 to the number of scores, 2, got 3; leave it out"):
        detection([0.1, 0.2], [1, 0], k=3)


def test_rankings_are_judged_side_by_side():
    rng = np.random.default_rng(0)
    error = rng.random(40)
    rankings = pd.DataFrame({"truth": error, "noise": rng.random(40), "flat": 1.0})
    rankings.loc[:4, "noise"] = np.nan
    truth = np.where(np.arange(40) < 3, np.nan, error > 0.7)
    table = detection_by_rankings(rankings, truth, k=5, error=error).set_index("ranking")
    assert table["n"].tolist() == [37, 37, 37] and table["n_unscored"].tolist() == [0, 2, 0]
    for name, values in rankings.items():
        alone = detection(values[3:], truth[3:], k=5)
        assert table.loc[name, list(alone)].to_dict() == pytest.approx(alone)
    both = rankings["noise"].notna() & (np.arange(40) > 2)
    assert table.loc["noise", "spearman"] == pytest.approx(spearmanr(rankings["noise"][both], error[both]).statistic)
    assert table.loc["truth", ["auroc", "spearman"]].tolist() == pytest.approx([1, 1]) and np.isnan(
        table.loc["flat", "spearman"]
    )
    assert "spearman" not in detection_by_rankings(rankings, truth)


def test_what_was_never_learned_correlates_as_the_hardest():
    ranked = detection_by_rankings(pd.DataFrame({"a": [0.1, np.inf, 0.4]}), [0, 1, 0], error=[0.2, 0.9, 0.3])
    assert ranked[["auroc", "spearman"]].to_numpy() == pytest.approx(1)


def test_columns_of_yes_and_no_are_read():
    for column in ([True, False, None], [1, 0, np.nan], ["Yes", "no", ""], ["true", " False", None]):
        np.testing.assert_array_equal(yes_or_no(pd.Series(column)), [1, 0, np.nan])
    with pytest.raises(ValueError, match="^site must hold yes and no, got 'torso'; compare it with a value first"):
        yes_or_no(pd.Series(["torso", "yes"], name="site"))
