"""Tests of the per-image scores."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.metrics import compute_dice, compute_iou
from sklearn.metrics import f1_score, jaccard_score

from htl_monai.metrics import SCORE_NAMES, heat_map_scores, mask_scores, segmentation_scores


def draw(seed: int, n: int = 5, shape: tuple[int, ...] = (7, 9), rate: float = 0.3):
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randn(n, 2, *shape, generator=generator)
    label = (torch.rand(n, 1, *shape, generator=generator) < rate).float()
    return pred, label


def from_masks(predicted, actual):
    predicted = torch.tensor(predicted).view(1, 1, 1, -1)
    pred = torch.cat([~predicted, predicted], dim=1).float()
    return segmentation_scores(pred, torch.tensor(actual).view(1, 1, 1, -1).float())


@pytest.mark.parametrize("shape", [(7, 9), (4, 5, 6)])
def test_scores_equal_those_of_monai(shape):
    pred, label = draw(0, shape=shape)
    chosen = torch.nn.functional.one_hot(pred.argmax(1), 2).movedim(-1, 1)
    truth = torch.cat([1 - label, label], dim=1)
    iou, dice = compute_iou(chosen, truth), compute_dice(chosen, truth)
    scores = segmentation_scores(pred, label)
    torch.testing.assert_close(scores["background_iou"], iou[:, 0].double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(scores["foreground_iou"], iou[:, 1].double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(scores["background_dice"], dice[:, 0].double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(scores["foreground_dice"], dice[:, 1].double(), rtol=1e-6, atol=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rate=st.floats(0.1, 0.9))
def test_scores_equal_those_of_scikit_learn(seed, rate):
    pred, label = draw(seed, n=1, rate=rate)
    scores = segmentation_scores(pred, label)
    chosen, truth = pred.argmax(1).flatten().numpy(), label.flatten().int().numpy()
    for positive, name in enumerate(("background", "foreground")):
        options = {"pos_label": positive, "zero_division": 0}
        assert scores[f"{name}_iou"].item() == pytest.approx(jaccard_score(truth, chosen, **options), abs=1e-12)
        assert scores[f"{name}_dice"].item() == pytest.approx(f1_score(truth, chosen, **options), abs=1e-12)


def test_scores_by_hand():
    scores = from_masks([True, True, False, False, False], [False, True, True, False, False])
    assert {name: score.item() for name, score in scores.items()} == {
        "foreground_iou": pytest.approx(1 / 3),
        "background_iou": pytest.approx(2 / 4),
        "foreground_dice": pytest.approx(2 / 4),
        "background_dice": pytest.approx(4 / 6),
    }


def test_names_shape_and_type():
    scores = segmentation_scores(*draw(0))
    assert tuple(scores) == SCORE_NAMES
    assert all(score.shape == (5,) and score.dtype == torch.float64 for score in scores.values())
    assert all(type(score) is torch.Tensor for score in segmentation_scores(*map(MetaTensor, draw(0))).values())


def test_empty_label():
    scores = from_masks([False, False], [False, False])
    assert scores["foreground_iou"].isnan() and scores["foreground_dice"].isnan()
    assert scores["background_iou"] == scores["background_dice"] == 1
    scores = from_masks([True, False], [False, False])
    assert scores["foreground_iou"] == scores["foreground_dice"] == 0
    assert scores["background_iou"] == 0.5


def test_full_label():
    scores = from_masks([True, True], [True, True])
    assert scores["background_iou"].isnan() and scores["background_dice"].isnan()
    assert scores["foreground_iou"] == scores["foreground_dice"] == 1


def test_missed_lesion_scores_zero():
    assert from_masks([False, False], [True, False])["foreground_iou"] == 0


def test_a_tie_is_background():
    scores = segmentation_scores(torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 2, 2))
    assert scores["background_iou"] == 1 and scores["foreground_iou"].isnan()


def test_nan_in_one_prediction_is_nan_in_all_its_scores_and_no_others():
    pred, label = draw(1)
    expected = segmentation_scores(pred, label)
    pred[2, 0, 3, 3] = torch.nan
    for name, score in segmentation_scores(pred, label).items():
        assert score[2].isnan()
        assert torch.equal(score[[0, 1, 3, 4]], expected[name][[0, 1, 3, 4]])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(5)), scale=st.floats(0.1, 10))
def test_permuting_images_permutes_scores_and_scaling_logits_changes_nothing(seed, order, scale):
    pred, label = draw(seed)
    scores = segmentation_scores(pred, label)
    for name, score in segmentation_scores(pred[list(order)] * scale, label[list(order)]).items():
        assert torch.equal(score, scores[name][list(order)])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_swapping_the_classes_swaps_the_scores(seed):
    pred, label = draw(seed)
    scores, swapped = segmentation_scores(pred, label), segmentation_scores(pred.flip(1), 1 - label)
    for measure in ("iou", "dice"):
        assert torch.equal(scores[f"foreground_{measure}"], swapped[f"background_{measure}"])
        assert torch.equal(scores[f"background_{measure}"], swapped[f"foreground_{measure}"])


def test_wrong_shapes_are_refused():
    pred, label = draw(0)
    with pytest.raises(ValueError, match=r"^pred must be \(N, 2, H, W\) or .*, got \(5, 1, 7, 9\); pass both classes"):
        segmentation_scores(pred[:, :1], label)
    with pytest.raises(ValueError, match=r"^label must be \(5, 1, 7, 9\) to match pred, got \(4, 1, 7, 9\); pass one"):
        segmentation_scores(pred, label[:4])
    with pytest.raises(ValueError, match=r"^label must be \(5, 1, 7, 9\) to match pred, got \(5, 7, 9\); pass one"):
        segmentation_scores(pred, label[:, 0])


def test_masks_are_scored_as_predictions_are():
    pred, label = draw(2)
    scores = mask_scores(pred[:, 1] > pred[:, 0], label[:, 0] > 0.5)
    for name, score in segmentation_scores(pred, label).items():
        assert torch.equal(scores[name], score)


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(
        ValueError, match=r"^actual must be \(1, 4\) as predicted, got \(1, 5\); pass masks of one size"
    ):
        mask_scores(torch.ones(1, 4).bool(), torch.ones(1, 5).bool())


@pytest.mark.parametrize("value", [float("nan"), 0.5, 255.0, -1.0])
def test_a_label_of_anything_but_0_and_1_is_refused(value):
    pred, label = draw(0)
    label[3, 0, 2, 5] = value
    with pytest.raises(
        ValueError, match=f"^label must hold 0 and 1 only, got {value:g} in image 3 of the batch; correct"
    ):
        segmentation_scores(pred, label)
    with pytest.raises(ValueError, match="^label must hold 0 and 1 only"):
        heat_map_scores(pred, label)
