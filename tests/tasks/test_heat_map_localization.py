"""Scores of masks and boxes where a network localizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.data import MetaTensor
from skimage.measure import label as regions_of
from skimage.measure import regionprops
from sklearn.metrics import jaccard_score
from torch import Tensor
from torchvision.ops import box_iou as torchvision_iou

from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.heat_map_localization import HeatMapLocalization, foreground_mask

EDGES = ("x_min", "y_min", "x_max", "y_max")
TASK = HeatMapLocalization()


def scores_of(pred: Tensor, label: Tensor | None = None) -> dict[str, Tensor]:
    return TASK.scores({"pred": pred, "label": label})


def as_logits(mask: np.ndarray) -> Tensor:
    chosen = torch.from_numpy(mask)[:, None]
    return torch.cat([~chosen, chosen], dim=1).float()


def as_heat(mask: np.ndarray) -> Tensor:
    return torch.from_numpy(mask)[:, None].float()


def draw(seed: int, n: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, 9, 11, generator=generator), torch.randn(n, 2, 9, 11, generator=generator)


def independent_box(mask: np.ndarray) -> list[int] | None:
    regions = regionprops(regions_of(mask, connectivity=2))
    if not regions:
        return None
    y_min, x_min, y_max, x_max = max(regions, key=lambda region: region.area).bbox
    return [x_min, y_min, x_max, y_max]


def independent_iou(a: list[int] | None, b: list[int] | None) -> float:
    if a is None or b is None:
        return float(a is b)
    return torchvision_iou(*(torch.tensor([box], dtype=torch.float64) for box in (a, b))).item()


PAIR = arrays(bool, (2, 9, 11), elements=st.sampled_from([True, False, False, False]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PAIR, st.sampled_from([as_logits, as_heat]))
def test_agreement_equals_regionprops_and_torchvision(masks: np.ndarray, kind) -> None:
    pred, dense = kind(masks[:1]), kind(masks[1:])
    box, other = map(independent_box, masks)
    agreement = TASK.agreement(pred, dense)
    assert agreement["box_agreement"].item() == independent_iou(box, other)
    expected = jaccard_score(masks[0].ravel(), masks[1].ravel()) if masks.any() else np.nan
    np.testing.assert_equal(agreement["mask_agreement"].item(), expected)
    expected = [np.nan] * 4 if box is None else np.array(box) / [11, 9, 11, 9]
    np.testing.assert_array_equal([scores_of(pred)[name].item() for name in EDGES], expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PAIR, st.sampled_from([as_logits, as_heat]))
def test_scores_against_masks_equal_independent_ones(masks: np.ndarray, kind) -> None:
    pred, label = kind(masks[:1]), torch.from_numpy(masks[1:])[:, None].float()
    scores = scores_of(pred, label)
    box, other = map(independent_box, masks)
    assert scores["box_iou"].item() == independent_iou(box, other)
    filled = np.zeros((9, 11), dtype=bool)
    if box is not None:
        filled[box[1] : box[3], box[0] : box[2]] = True
    if filled.any() or masks[1].any():
        expected = jaccard_score(masks[1].ravel(), filled.ravel(), zero_division=0)
        assert scores["box_foreground_iou"].item() == pytest.approx(expected, abs=1e-12)
    else:
        assert scores["box_foreground_iou"].isnan()
    for name, score in BinarySegmentation().scores({"pred": as_logits(masks[:1]), "label": label}).items():
        torch.testing.assert_close(scores[name], score, rtol=0, atol=0, equal_nan=True)


def test_names_shape_and_type() -> None:
    pred, dense = map(MetaTensor, draw(0))
    of_boxes = scores_of(pred, MetaTensor(torch.ones(5, 1, 9, 11)))
    assert tuple(of_boxes) == ("iou", "dice", "box_iou", "box_foreground_iou", *EDGES)
    assert tuple(scores_of(pred)) == EDGES
    for score in (*list(of_boxes.values())[2:], *TASK.agreement(pred, dense).values()):
        assert type(score) is Tensor and score.shape == (5,) and score.dtype == torch.float64


@pytest.mark.parametrize("level", [179.9, 180.0])
def test_a_heat_map_is_foreground_from_the_threshold_on(level: float) -> None:
    heat = torch.full((1, 1, 2, 2), level / 255)
    assert foreground_mask(heat).all() == (level == 180.0)
    assert HeatMapLocalization(threshold=100).drawn(heat).all()


def test_a_tie_and_nan_are_background() -> None:
    assert not foreground_mask(torch.zeros(1, 2, 2, 2)).any()
    assert not foreground_mask(torch.full((1, 1, 2, 2), torch.nan)).any()


def test_every_image_agrees_with_itself() -> None:
    pred, _ = draw(3)
    for agreement in TASK.agreement(pred, pred).values():
        assert torch.equal(agreement, torch.ones(5, dtype=torch.float64))


def test_nothing_on_both_sides_is_no_box_drop_and_no_foreground() -> None:
    nothing, something = torch.zeros(1, 1, 3, 4), torch.ones(1, 1, 3, 4)
    assert TASK.agreement(nothing, nothing)["box_agreement"] == 1
    assert all(scores_of(nothing)[name].isnan() for name in EDGES)
    for pair in ((nothing, something), (something, nothing)):
        assert all(value == 0 for value in TASK.agreement(*pair).values())
    against = scores_of(nothing, something)
    assert against["box_iou"] == against["box_foreground_iou"] == against["iou"][0, 1] == 0


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.permutations(range(5)))
def test_permuting_images_permutes_scores(seed: int, order: list[int]) -> None:
    pred, dense = draw(seed)
    values = TASK.agreement(pred, dense) | scores_of(pred)
    for name, value in (TASK.agreement(pred[order], dense[order]) | scores_of(pred[order])).items():
        assert torch.equal(value, values[name][order])


def test_nan_in_one_prediction_is_nan_in_all_its_scores_and_no_others() -> None:
    pred, dense = draw(1)
    label = torch.ones(5, 1, 9, 11)
    before = TASK.agreement(pred, dense) | scores_of(pred, label)
    pred[2, 1, 0, 0] = torch.nan
    for name, score in (TASK.agreement(pred, dense) | scores_of(pred, label)).items():
        assert score[2].isnan().all()
        assert torch.equal(score[[0, 1, 3, 4]], before[name][[0, 1, 3, 4]])
    assert all(score[2].isnan() for score in TASK.agreement(dense, pred).values())


def test_no_images_have_no_scores() -> None:
    pred = torch.zeros(0, 1, 4, 4)
    assert all(len(score) == 0 for score in (*TASK.agreement(pred, pred).values(), *scores_of(pred, pred).values()))


def test_a_heat_map_serves_as_probability() -> None:
    doubt = TASK.doubt(torch.tensor([1.0, 1.0, 0.0, 0.5]).view(1, 1, 1, 4))
    assert doubt["entropy"].item() == pytest.approx(np.log(2) / 4)
    assert doubt["confidence"].item() == 1 and doubt["expected_error"].item() == pytest.approx(1 - 2 / 2.5)


def test_wrong_shapes_and_thresholds_are_refused() -> None:
    pred, dense = draw(0)
    with pytest.raises(
        ValueError, match=r"^pred must be logits \(N, 2, H, W\) or heat maps .*, got \(5, 3, 9, 11\); p"
    ):
        foreground_mask(torch.zeros(5, 3, 9, 11))
    with pytest.raises(ValueError, match=r"^dense must have the samples .*, \(5, 9, 11\), got \(5, 9, 10\)"):
        TASK.agreement(pred, dense[..., :10])
    with pytest.raises(ValueError, match=r"^label must be \(N, 1, ...\) .*, got \(5, 9, 11\); pass one m"):
        scores_of(pred, torch.zeros(5, 9, 11))
    for threshold in (0, 256):
        with pytest.raises(ValueError, match=rf"^threshold must be in \(0, 255\], got {threshold}; the paper's is 180"):
            HeatMapLocalization(threshold=threshold).agreement(pred, dense)
