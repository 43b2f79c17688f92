"""Scores, agreement and doubt of masks, in 2D and 3D."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.metrics import compute_average_surface_distance, compute_dice, compute_iou
from sklearn.metrics import f1_score, jaccard_score
from torch import Tensor
from torch.nn.functional import one_hot

from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.multiclass_segmentation import MulticlassSegmentation
from htl_monai.tasks.multilabel_segmentation import MultilabelSegmentation
from htl_monai.tasks.segmentation import Segmentation

SHAPES = [(7, 9), (4, 5, 6)]
BINARY = BinarySegmentation()
MULTICLASS = MulticlassSegmentation(("background", "liver", "spleen", "kidney"))
MULTILABEL = MultilabelSegmentation(("tumor core", "whole tumor", "enhancing tumor"))
TASKS = [BINARY, MULTICLASS, MULTILABEL]


def draw(task: Segmentation, seed: int = 0, shape: tuple[int, ...] = (7, 9), n: int = 4) -> tuple[Tensor, Tensor]:
    """Return logits and labels of each class: of the task's own form."""
    generator = torch.Generator().manual_seed(seed)
    c = len(task.classes)
    pred = torch.randn(n, c, *shape, generator=generator)
    if task is MULTILABEL:
        return pred, (torch.rand(n, c, *shape, generator=generator) < 0.3).float()
    return pred, torch.randint(0, c, (n, 1, *shape), generator=generator).float()


def channels(task: Segmentation, pred: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Return one-hot masks, by other means than the task's."""
    if task is MULTILABEL:
        return (torch.sigmoid(pred) > 0.5).float(), label
    c = len(task.classes)
    return tuple(one_hot(m.long(), c).movedim(-1, 1).float() for m in (pred.argmax(1), label[:, 0]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_scores_equal_those_of_monai(task, shape):
    pred, label = draw(task, shape=shape)
    scores = task.scores({"pred": pred, "label": label})
    masks = channels(task, pred, label)
    for name, monai in (("iou", compute_iou(*masks)), ("dice", compute_dice(*masks))):
        assert scores[name].shape == (4, len(task.classes)) and scores[name].dtype == torch.float64
        torch.testing.assert_close(scores[name], monai.double(), rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_scores_equal_those_of_scikit_learn(task, seed):
    pred, label = draw(task, seed, n=1)
    scores = task.scores({"pred": pred, "label": label})
    drawn, truth = (masks[0].flatten(1).numpy() for masks in channels(task, pred, label))
    assert scores["iou"][0].tolist() == [
        jaccard_score(t, d, zero_division=0) for t, d in zip(truth, drawn, strict=True)
    ]
    assert scores["dice"][0].tolist() == pytest.approx(
        [f1_score(t, d) for t, d in zip(truth, drawn, strict=True)], abs=1e-15
    )


def test_a_class_that_is_in_neither_mask_is_not_measured():
    maps = torch.tensor([[[[0, 0, 1]]], [[[0, 2, 2]]]])
    other = torch.tensor([[[[0, 1, 1]]], [[[0, 0, 0]]]])
    scores = MULTICLASS.scores({"pred": maps, "label": other})
    np.testing.assert_array_equal(
        scores["iou"], [[1 / 2, 1 / 2, math.nan, math.nan], [1 / 3, math.nan, 0, math.nan]], strict=False
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_masks_of_a_postprocessing_score_like_their_logits(task):
    pred, label = draw(task)
    wanted = task.scores({"pred": pred, "label": label})
    masks, labels = channels(task, pred, label)
    kinds = [masks, masks.bool(), masks.byte()]
    kinds += [] if task is MULTILABEL else [pred.argmax(1, keepdim=True), pred.argmax(1, keepdim=True).float()]
    for kind in kinds:
        for truth in (label, label.byte(), labels):
            scores = task.scores({"pred": kind, "label": truth})
            assert torch.equal(scores["iou"], wanted["iou"]) and torch.equal(scores["dice"], wanted["dice"])


def test_one_channel_is_the_same_as_two():
    pred, label = draw(BINARY)
    wanted = BINARY.scores({"pred": pred, "label": label})["iou"]
    difference = pred[:, 1:] - pred[:, :1]
    assert torch.equal(BINARY.scores({"pred": difference, "label": label})["iou"], wanted)
    own = BinarySegmentation(probabilities=True)
    assert torch.equal(own.scores({"pred": torch.sigmoid(difference), "label": label})["iou"], wanted)
    torch.testing.assert_close(own.doubt(torch.sigmoid(difference)), BINARY.doubt(pred))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_permuting_samples_permutes_all(task):
    pred, label = draw(task)
    order = torch.tensor([2, 0, 3, 1])
    for values, permuted in (
        (task.scores({"pred": pred, "label": label}), task.scores({"pred": pred[order], "label": label[order]})),
        (task.agreement(pred, pred.flip(-1)), task.agreement(pred[order], pred[order].flip(-1))),
        (task.doubt(pred), task.doubt(pred[order])),
        (task.of_label(label), task.of_label(label[order])),
    ):
        for name, value in values.items():
            torch.testing.assert_close(permuted[name], value[order], rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_agreement_is_one_with_itself_and_symmetric(task, shape):
    pred, other = draw(task, 0, shape)[0], draw(task, 1, shape)[0]
    pred[0] = -5
    pred[0, 0] = 5 if task is not MULTILABEL else -5  # draws no foreground
    assert task.agreement(pred, pred)["mask_agreement"].tolist() == [1.0] * 4
    there, back = task.agreement(pred, other)["mask_agreement"], task.agreement(other, pred)["mask_agreement"]
    assert torch.equal(there, back) and there[0] == 0 and ((there[1:] > 0) & (there[1:] < 1)).all()


def test_agreement_is_the_mean_of_the_foreground_that_either_draws():
    maps = torch.tensor([[[[0, 1, 1, 2]]]]), torch.tensor([[[[0, 1, 0, 2]]]])
    assert MULTICLASS.agreement(*maps)["mask_agreement"].tolist() == [(1 / 2 + 1) / 2]


def test_doubt_by_hand():
    probs = torch.tensor([0.9, 0.6, 0.2, 0.1])
    doubt = BINARY.doubt(torch.logit(probs).view(1, 1, 1, 4))
    entropies = [-p * math.log(p) - (1 - p) * math.log(1 - p) for p in probs.tolist()]
    assert doubt["entropy"].item() == pytest.approx(sum(entropies) / 4, rel=1e-6)
    assert doubt["entropy_per_area"].item() == pytest.approx(sum(entropies) / 2, rel=1e-6)
    assert doubt["confidence"].item() == pytest.approx(0.75, rel=1e-6)
    assert doubt["expected_error"].item() == pytest.approx(1 - 1.5 / (2 + 0.3), rel=1e-6)


def test_doubt_of_several_classes_by_hand():
    doubt = MULTILABEL.doubt(torch.logit(torch.tensor([[0.9, 0.2], [0.3, 0.1], [0.6, 0.7]])).view(1, 3, 1, 2))
    # The first class draws one pixel, the second none and does not count, the third both.
    assert doubt["expected_error"].item() == pytest.approx(((1 - 0.9 / 1.2) + (1 - 1.3 / 2)) / 2, rel=1e-6)
    assert doubt["confidence"].item() == pytest.approx((0.9 + 0.6 + 0.7) / 3, rel=1e-6)


def test_doubt_where_nothing_is_drawn():
    doubt = BINARY.doubt(torch.full((1, 1, 2, 2), -1.0))
    assert doubt["expected_error"].item() == 1 and doubt["entropy"].item() > 0
    assert doubt["confidence"].isnan().item() and doubt["entropy_per_area"].isnan().item()


def test_a_sure_network_expects_no_error():
    pred = torch.full((1, 4, 2, 3), -60.0)
    pred[:, 1] = 60
    doubt = MULTICLASS.doubt(pred)
    assert doubt["expected_error"].item() == pytest.approx(0, abs=1e-6) and doubt["entropy"].item() < 1e-6


def test_nan_in_a_prediction_is_measured_nowhere():
    pred, label = draw(BINARY)
    pred[1, 0, 0, 0] = torch.nan
    scores = BINARY.scores({"pred": pred, "label": label})
    assert all(values[1].isnan().all() and not values[[0, 2, 3]].isnan().any() for values in scores.values())
    assert BINARY.agreement(pred, pred)["mask_agreement"].isnan().tolist() == [False, True, False, False]


def test_swapping_the_classes_swaps_the_scores():
    pred, label = draw(BINARY)
    scores = BINARY.scores({"pred": pred, "label": label})
    for name, values in BINARY.scores({"pred": 3 * pred.flip(1), "label": 1 - label}).items():
        assert torch.equal(values, scores[name].flip(1))


def test_a_tie_is_the_first_class():
    for task in (BINARY, MULTICLASS):
        scores = task.scores({"pred": torch.zeros(1, len(task.classes), 2, 2), "label": torch.zeros(1, 1, 2, 2)})
        assert scores["iou"][0, 0] == 1 and scores["iou"][0, 1:].isnan().all()


WHOLE_IMAGE = "is no better than a mask of the whole image: mean foreground IoU 0.200, at most 0.300"


@pytest.mark.parametrize(
    ("iou", "reason"),
    [
        ([[0.5, 0.0], [0.6, math.nan]], "finds nothing of the foreground in any of 1 images (foreground IoU 0)"),
        ([[0.5, 0.4], [0.6, 0.5]], None),
        (
            [[0.5, 0.2], [0.6, 0.2]],
            WHOLE_IMAGE,
        ),
    ],
)
def test_networks_that_learned_nothing(iou, reason):
    assert BINARY.useless({"iou": np.array(iou), "whole_image_iou": np.array([0.3, 0.3])}) == reason
    assert BINARY.useless({}) is None


def test_foreground_leaves_out_the_background_wherever_it_is():
    task = MultilabelSegmentation(("artery", "Background", "vein"))
    assert task.foreground == ("artery", "vein")
    assert MulticlassSegmentation(("background", "a", "b"), foreground=("b",)).foreground == ("b",)


def test_whole_image_iou():
    label = torch.tensor([[[[1.0, 0, 0, 0]]], [[[0.0, 0, 0, 0]]]])
    assert BINARY.of_label(label)["whole_image_iou"].tolist() == [0.25, 0.0]
    assert MULTICLASS.of_label(torch.tensor([[[[0, 1, 2, 2]]]]))["whole_image_iou"].item() == pytest.approx(0.75 / 3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("batched", [True, False])
def test_surface_distance_is_that_of_monai_in_the_units_of_the_label(batched):
    task = BinarySegmentation(surface_distance=True)
    pred, label = torch.zeros(2, 1, 6, 6, 6) - 1, torch.zeros(2, 1, 6, 6, 6)
    pred[0, 0, 1:3, 1:4, 1:4] = 1
    label[0, 0, 2:5, 1:4, 1:4] = 1
    pred[1, 0, 0, 0, 0] = 1
    affine = torch.diag(torch.tensor([3.0, 1.0, 1.0, 1.0]))
    meta = MetaTensor(label, affine=torch.stack([affine, affine]) if batched else affine)
    meta.is_batch = batched
    distances = task.scores({"pred": pred, "label": meta})["surface_distance"]
    masks = [torch.cat([1 - m, m], dim=1)[:1] for m in ((pred > 0).float(), label)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spaced, plain = (
            compute_average_surface_distance(*masks, include_background=True, symmetric=True, spacing=spacing)
            for spacing in ([3.0, 1.0, 1.0], None)
        )
    torch.testing.assert_close(distances[0], spaced[0].double())
    assert distances[0, 1] > plain[0, 1]
    assert distances[1, 1].isnan()
    assert torch.equal(task.scores({"pred": pred, "label": label})["surface_distance"][0], plain[0].double())


@pytest.mark.parametrize(
    ("task", "pred", "label", "message"),
    [
        (
            BINARY,
            (2, 3, 4, 4),
            (2, 1, 4, 4),
            r"pred must be \(N, 2, ...\) or .*got \(2, 3, 4, 4\); choose",
        ),
        (BINARY, (2, 2), (2, 1, 4, 4), "pred must be"),
        (BINARY, (2, 2, 4, 4), (2, 3, 4, 4), "label must be .* pass one mask channel"),
        (BINARY, (2, 2, 4, 4), (2, 1, 4, 5), r"label must have .* pred, \(2, 4, 4\), got \(2, 4, 5\)"),
        (MULTICLASS, (2, 2, 4, 4), (2, 1, 4, 4), r"pred must be \(N, 4, ...\) or numbers of classes"),
        (MULTICLASS, (2, 4, 4, 4), (2, 3, 4, 4), "label must be"),
        (MULTICLASS, (2, 4, 4, 4), (1, 1, 4, 4), "label must have the samples and the size of pred"),
        (MULTILABEL, (2, 3, 4, 4), (2, 1, 4, 4), r"label must be \(N, 3, ...\), got \(2, 1, 4, 4\)"),
        (MULTILABEL, (2, 4, 4, 4), (2, 3, 4, 4), "pred must be"),
    ],
)
def test_shapes_that_do_not_fit(task, pred, label, message):
    with pytest.raises(ValueError, match=message):
        task.scores({"pred": torch.zeros(pred), "label": torch.zeros(label)})


def test_two_outputs_of_different_size_do_not_agree():
    with pytest.raises(ValueError, match=r"dense must have the samples and the size of pred, \(1, 4, 4\), got"):
        BINARY.agreement(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 5))


@pytest.mark.parametrize(("task", "n"), [(BINARY, 2), (MULTICLASS, 4), (MULTILABEL, 2)])
@pytest.mark.parametrize("value", [-1.0, 0.5, 7.0, math.nan])
def test_labels_outside_the_classes(task, n, value):
    pred, label = draw(task)
    label[2, 0, 1, 1] = value
    with pytest.raises(ValueError, match=f"label must hold the classes 0 to {n - 1} only, got {value:g} in sample 2"):
        task.scores({"pred": pred, "label": label})


def test_masks_have_no_doubt():
    with pytest.raises(TypeError, match="pred must be logits to have doubt"):
        BINARY.doubt(torch.zeros(1, 1, 2, 2, dtype=torch.bool))


def test_without_label_nothing_is_scored():
    assert BINARY.scores({"pred": draw(BINARY)[0], "label": None}) == {}


def test_scores_are_plain_tensors():
    pred, label = map(MetaTensor, draw(BINARY))
    values = {**BINARY.scores({"pred": pred, "label": label}), **BINARY.doubt(pred), **BINARY.agreement(pred, pred)}
    assert all(type(value) is Tensor for value in values.values())
