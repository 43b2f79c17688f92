"""Each ranking against numbers by hand or an independent reference, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cleanlab.multilabel_classification import get_label_quality_scores
from scipy import stats

import htl_monai.ranking
from htl_monai.ranking.aum import AUM
from htl_monai.ranking.box_change import BoxChange
from htl_monai.ranking.dense_error import DenseError
from htl_monai.ranking.el2n import EL2N
from htl_monai.ranking.forgetting import Forgetting
from htl_monai.ranking.forgetting_events import ForgettingEvents
from htl_monai.ranking.label_quality import LabelQuality
from htl_monai.ranking.mask_change import MaskChange
from htl_monai.ranking.mask_confidence import MaskConfidence
from htl_monai.ranking.never_learned import NeverLearned
from htl_monai.ranking.pie_modal import PieModal
from htl_monai.ranking.pie_spearman import PieSpearman
from htl_monai.ranking.pie_taxicab import PieTaxicab
from htl_monai.ranking.random_samples import Random
from htl_monai.ranking.random_within import RandomWithin
from htl_monai.ranking.registry import ranking_named, rankings
from htl_monai.ranking.relative_forgetting import RelativeForgetting
from htl_monai.ranking.selection import select_random
from htl_monai.ranking.variability import Variability
from htl_monai.scores import make_scores

ALL = sorted(rankings())
BY_PLACE = {"random", "random_within"}  # drawn whoever stands there


def lesion(masks, level):
    return masks["iou"].sel(level=level).values[:, 1]


def test_forgetting_is_the_drop_of_the_foreground_s_score(masks):
    dense, pruned = lesion(masks, 0.0), lesion(masks, 0.5)
    learned = np.arange(len(dense)) != 3
    drop = Forgetting(level=0.5)(masks)
    np.testing.assert_array_equal(drop[learned], (dense - pruned)[learned])
    expected = (dense - pruned)[learned] / dense[learned]
    np.testing.assert_array_equal(RelativeForgetting(level=0.5)(masks)[learned], expected)
    assert drop[3] == np.inf and np.isnan(drop[5])
    of_skin = masks.assign(skin=masks["iou"].isel({"class": 0}, drop=True))
    background = masks["iou"].values[..., 0]
    np.testing.assert_array_equal(Forgetting(level=0.5, of="skin")(of_skin), background[0] - background[1])


def test_without_a_level_the_usual_one_or_the_nearest_counts(masks, seeds):
    np.testing.assert_array_equal(Forgetting()(masks), Forgetting(level=0.7)(masks))
    np.testing.assert_array_equal(Forgetting()(masks.sel(level=[0.0, 0.5])), Forgetting(level=0.5)(masks))
    np.testing.assert_array_equal(PieTaxicab()(seeds), PieTaxicab(level=0.9)(seeds))


def test_never_learned_and_dense_error_are_of_the_dense_score(masks):
    dense = lesion(masks, 0.0)
    np.testing.assert_array_equal(DenseError()(masks), 1 - dense)
    expected = np.where(np.isnan(dense), np.nan, dense == 0)
    np.testing.assert_array_equal(NeverLearned()(masks), expected)
    assert np.nansum(expected) == 1


def test_changes_are_what_lacks_to_agreement(masks):
    agreement = masks["mask_agreement"].sel(level=0.7).values
    np.testing.assert_array_equal(MaskChange()(masks), 1 - agreement)
    boxes = BoxChange()(masks)
    assert boxes[7] == np.inf  # the dense network draws no box
    np.testing.assert_array_equal(np.delete(boxes, 7), 1 - np.delete(agreement**2, 7))
    assert np.isfinite(BoxChange()(masks.drop_vars("x_min"))).all()


@pytest.mark.parametrize("name", ["entropy", "entropy_per_area", "expected_error", "loss"])
def test_rankings_of_the_dense_output_are_its_variable(masks, name):
    expected = masks[name].sel(level=0.0).values if "level" in masks[name].dims else masks[name].values
    np.testing.assert_array_equal(ranking_named(name)(masks), expected)


def test_the_less_confident_the_harder(masks):
    np.testing.assert_array_equal(MaskConfidence()(masks), 1 - masks["confidence"].values)


def test_pie_rankings_average_the_probabilities_over_the_seeds_first(seeds):
    dense, pruned = (seeds["probability"].sel(level=at).values.astype(float) for at in (0.0, 0.9))
    means = dense.mean(axis=0), pruned.mean(axis=0)
    correlation = [
        stats.spearmanr(a, b).statistic if i != 2 else -np.inf for i, (a, b) in enumerate(zip(*means, strict=True))
    ]
    np.testing.assert_allclose(PieSpearman()(seeds), 1 - np.array(correlation), atol=1e-12)
    np.testing.assert_allclose(PieTaxicab()(seeds), np.abs(means[0] - means[1]).sum(axis=1), atol=1e-12)
    votes = [np.array([np.bincount(row, minlength=5) for row in p.argmax(-1).T]) for p in (dense, pruned)]
    clear = [(np.sort(v)[:, -1] > np.sort(v)[:, -2]) for v in votes]
    sure = clear[0] & clear[1]
    differs = votes[0].argmax(axis=1) != votes[1].argmax(axis=1)
    assert 0 < differs[sure].sum() < sure.sum()
    np.testing.assert_array_equal(PieModal()(seeds)[sure], differs[sure])


def test_forgetting_over_seeds_is_that_of_the_mean_score(seeds):
    mean = seeds["true_prob"].values.mean(axis=0)
    expected = (mean[0] - mean[2]) / mean[0]
    np.testing.assert_allclose(RelativeForgetting()(seeds), expected, atol=1e-6)


def test_label_quality_is_cleanlab_s(findings, masks):
    scores = findings(0)
    labels, dense = scores["label"].values, scores["probability"].sel(level=0.0).values.astype(float)
    known = ~np.isnan(labels).any(axis=1)
    given = [np.flatnonzero(row).tolist() for row in labels[known]]
    np.testing.assert_allclose(LabelQuality()(scores)[known], 1 - get_label_quality_scores(given, dense[known]))
    np.testing.assert_array_equal(LabelQuality()(masks), 1 - masks["label_quality"].values)


def test_of_classes_that_exclude_each_other_the_label_s_probability_counts():
    probability = np.array([[[0.7, 0.2, 0.1]], [[0.1, 0.1, 0.8]]])
    variables = {"probability": probability, "label": (("sample", "class"), [[1, 0, 0], [0, 1, 0]])}
    data = [{"id": "a"}, {"id": "b"}]
    scores = make_scores(data, ["a", "b"], variables, [0.0], list("xyz"), task="multiclass_classification")
    np.testing.assert_allclose(LabelQuality()(scores), [0.3, 0.9])


def of_epochs(name, values):
    scores = make_scores([{"id": "a"}, {"id": "b"}, {"id": "c"}], list("abc"), {"x": [0, 0, 0]}, [0.0], ["x"])
    return scores.assign({name: (("epoch", "sample"), np.array(values, dtype=float))})


def test_rankings_of_training_by_hand():
    # b was not seen in the second epoch, c never.
    recorded = [[0.1, 0.5, np.nan], [0.2, np.nan, np.nan], [0.6, 0.7, np.nan]]
    np.testing.assert_allclose(EL2N(epochs=2)(of_epochs("dynamics_error", recorded)), [0.15, 0.5, np.nan])
    np.testing.assert_allclose(EL2N()(of_epochs("dynamics_error", recorded)), [0.3, 0.6, np.nan])
    np.testing.assert_allclose(AUM()(of_epochs("dynamics_margin", recorded)), [-0.3, -0.6, np.nan])
    spread = Variability()(of_epochs("dynamics_confidence", recorded))
    np.testing.assert_allclose(spread, [np.std([0.1, 0.2, 0.6]), np.std([0.5, 0.7]), np.nan])


def test_forgetting_events_are_turns_from_right_to_wrong():
    # a: right, wrong, right, wrong = 2; b: right, unseen, wrong = 1; c: never right.
    right = [[1, 1, 0], [0, np.nan, 0], [1, 0, 0], [0, 0, 0]]
    assert ForgettingEvents()(of_epochs("dynamics_correct", right)).tolist() == [2, 1, np.inf]
    unseen = [[1, np.nan, 0], [np.nan, np.nan, 1], [1, np.nan, 1]]
    np.testing.assert_array_equal(ForgettingEvents()(of_epochs("dynamics_correct", unseen)), [0, np.nan, 0])


def test_of_several_seeds_the_mean_number_of_events_counts():
    twice = [of_epochs("dynamics_correct", values) for values in ([[1] * 3, [0] * 3], [[1] * 3, [1] * 3])]
    both = np.stack([part["dynamics_correct"].values for part in twice])
    scores = twice[0].drop_vars("dynamics_correct").assign(dynamics_correct=(("seed", "epoch", "sample"), both))
    assert ForgettingEvents()(scores).tolist() == [0.5, 0.5, 0.5]


def test_random_samples_are_drawn_as_ever(masks):
    ids = masks["sample"].values.tolist()
    for seed, count in ((0, 5), (3, 20)):
        assert Random(seed=seed).choose(masks, count) == select_random(ids, count, seed)


def test_random_within_a_column_has_the_make_up_of_the_hardest(masks):
    within = RandomWithin(column="sex", seed=1)
    sex = masks["sex"].to_series()
    hard, drawn = RelativeForgetting().choose(masks, 8), within.choose(masks, 8)
    assert sex[drawn].value_counts(dropna=False).to_dict() == sex[hard].value_counts(dropna=False).to_dict()
    assert len(set(drawn)) == 8 and set(drawn) != set(hard) and drawn == within.choose(masks, 8)
    assert RandomWithin(column="sex", seed=2).choose(masks, 8) != drawn
    assert "no column 'site'" in RandomWithin(column="site").missing(masks)


def test_the_hardest_are_chosen_and_those_never_learned_by_choice(masks):
    values = RelativeForgetting()(masks)
    ids = masks["sample"].values
    expected = ids[np.argsort(-np.where(np.isfinite(values), values, -9), kind="stable")[:4]].tolist()
    assert RelativeForgetting().choose(masks, 4) == expected
    assert RelativeForgetting().choose(masks, 4, "include") == ["s03", *expected[:3]]


@pytest.mark.parametrize("name", sorted({*ALL} - BY_PLACE))
def test_permuting_samples_permutes_the_numbers(name, masks, seeds):
    ranking = ranking_named(name)
    scores = seeds if ranking.missing(masks) else masks
    order = np.random.default_rng(4).permutation(scores.sizes["sample"])
    np.testing.assert_array_equal(ranking(scores.isel(sample=order)), ranking(scores)[order])


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_it_means_and_needs_and_what_it_lacks(name, masks):
    kind = rankings()[name]
    assert all(text.endswith(".") for text in (kind.meaning, kind.needs)) and kind.needs.startswith("It needs ")
    bare = masks.drop_vars(list(masks.data_vars)).sel(level=[0.0])
    reason = kind().missing(bare)
    if name == "random":
        assert reason is None
        return
    assert reason is not None and reason.endswith(".") and len(reason) > len(kind.needs)
    with pytest.raises(ValueError, match=f"^scores must do for the ranking {name}, got none that do: It needs"):
        kind()(bare)


@pytest.mark.parametrize("name", ["forgetting", "relative_forgetting", "mask_change", "box_change"])
def test_a_level_that_was_not_mined_is_missing(name, masks):
    kind = rankings()[name]
    assert kind(level=0.6).missing(masks).endswith("It asks for level 0.6; there are 0, 0.5, 0.7, 0.9.")
    assert kind().missing(masks.sel(level=[0.0])).endswith("Only the dense network was scored.")


def test_a_file_makes_a_ranking_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, masks):
    (tmp_path / "by_age.py").write_text(
        "from dataclasses import dataclass\nfrom htl_monai.ranking.ranking import Ranking\n\n\n"
        "@dataclass(frozen=True)\n"
        "class ByAge(Ranking):\n    name = 'by_age'\n    meaning = 'The age.'\n    needs = 'It needs ages.'\n\n"
        "    def values(self, scores):\n        return scores['age'].values\n"
    )
    monkeypatch.setattr(htl_monai.ranking, "__path__", [*htl_monai.ranking.__path__, str(tmp_path)])
    assert sorted(rankings()) == sorted([*ALL, "by_age"])
    assert ranking_named("by_age").choose(masks, 1) == ["s23"]


def test_an_unknown_name_and_two_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(KeyError, match="ranking must be one of aum, .*, got 'luck'; see htl rank --list"):
        ranking_named("luck")
    with pytest.raises(KeyError, match=r"got 'relative_forgeting'; did you mean relative_forgetting\?"):
        ranking_named("relative_forgeting")
    (tmp_path / "second_loss.py").write_text(
        "from htl_monai.ranking.of_dense import OfDense\n\n\nclass Second(OfDense):\n    name = 'loss'\n"
    )
    monkeypatch.setattr(htl_monai.ranking, "__path__", [*htl_monai.ranking.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match="^name of a ranking must be its own, got 'loss' in .*second_loss"):
        rankings()
