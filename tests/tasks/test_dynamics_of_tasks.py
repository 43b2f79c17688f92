"""What each task records of a training, and how plausible it finds masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cleanlab.segmentation.rank import get_label_quality_scores
from torch.nn import functional

from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.heat_map_localization import HeatMapLocalization
from htl_monai.tasks.multiclass_classification import MulticlassClassification
from htl_monai.tasks.multiclass_segmentation import MulticlassSegmentation
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.multilabel_segmentation import MultilabelSegmentation


def lists(found):
    return {name.removeprefix("dynamics_"): values.tolist() for name, values in found.items()}


def test_a_class_is_right_where_its_logit_is_the_largest():
    task = MulticlassClassification(("a", "b", "c"))
    logits = torch.tensor([[2.0, 0.5, 1.0], [0.0, 3.0, -1.0], [1.0, 1.0, 0.0], [1.0, 2.0, 3.0]])
    found = lists(task.dynamics(logits, torch.tensor([0.0, 2.0, 0.0, torch.nan])))
    assert found["correct"] == pytest.approx([1, 0, 0, np.nan], nan_ok=True)  # a tie is not right
    assert found["margin"] == pytest.approx([1, -4, 0, np.nan], nan_ok=True)


def test_findings_are_right_where_all_known_ones_are():
    task = MultilabelClassification(("a", "b"))
    logits = torch.tensor([[2.0, -1.0], [2.0, -1.0], [2.0, -1.0], [1.0, 1.0]])
    label = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, torch.nan], [torch.nan, torch.nan]])
    found = lists(task.dynamics(logits, label))
    assert found["correct"] == pytest.approx([1, 0, 1, np.nan], nan_ok=True)
    assert found["margin"] == pytest.approx([1.5, 0.5, 2, np.nan], nan_ok=True)


def test_masks_are_right_where_half_of_the_foreground_is_found_or_nothing_is_there():
    label = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]).view(4, 1, 1, 4)
    drawn = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]).view(4, 1, 1, 4)
    one = 4.0 * drawn - 2.0
    two = torch.cat([-one, one], dim=1) / 2
    for pred in (one, two):
        found = lists(BinarySegmentation().dynamics(pred, label))
        assert found["correct"] == [1, 0, 1, 0]
        # Sample 0: lesion +2 and -2, background +2; sample 2: background alone, all +2.
        assert found["margin"] == pytest.approx([1.0, 0.0, 2.0, 1.0], abs=1e-4)
    same = lists(HeatMapLocalization(threshold=128).dynamics(torch.sigmoid(one), label))
    assert same["margin"] == pytest.approx([1.0, 0.0, 2.0, 1.0], abs=1e-4) and same["correct"] == [1, 0, 1, 0]


def test_classes_of_pixels_and_masks_that_overlap():
    generator = torch.Generator().manual_seed(0)
    pred = torch.randn(3, 4, 5, 6, 2, generator=generator)
    number = torch.randint(0, 4, (3, 1, 5, 6, 2), generator=generator)
    masks = functional.one_hot(number[:, 0], 4).movedim(-1, 1)
    of_classes = MulticlassSegmentation(("background", "b", "c", "d")).dynamics(pred, number)
    of_masks = MultilabelSegmentation(("a", "b", "c", "d")).dynamics(pred, masks.float())
    prob = torch.softmax(pred, dim=1)
    for i in range(3):
        truths = [number[i, 0] == c for c in range(4)]
        mean = np.mean([prob[i, c][truth].mean().item() for c, truth in enumerate(truths)])
        assert of_classes["dynamics_confidence"][i].item() == pytest.approx(mean, rel=1e-5)
        by_mask = [torch.sigmoid(sign * pred[i, c])[truth == (sign > 0)].mean().item()
                   for c, truth in enumerate(truths) for sign in (1, -1)]  # fmt: skip
        assert of_masks["dynamics_confidence"][i].item() == pytest.approx(np.mean(by_mask), rel=1e-5)


def test_label_quality_of_masks_is_cleanlab_s_softmin():
    generator = torch.Generator().manual_seed(1)
    pred = 2 * torch.randn(4, 2, 8, 6, generator=generator)
    label = torch.randint(0, 2, (4, 1, 8, 6), generator=generator)
    expected, _ = get_label_quality_scores(label[:, 0].numpy(), torch.softmax(pred, 1).numpy(), verbose=False)
    np.testing.assert_allclose(BinarySegmentation().plausibility(pred, label)["label_quality"], expected, rtol=1e-5)
    assert MultilabelClassification(("a",)).plausibility(torch.zeros(1, 1), torch.zeros(1, 1)) == {}


@pytest.mark.parametrize("dims", [(6, 5), (4, 3, 5)])
def test_the_loss_of_masks_is_the_mean_cross_entropy_of_their_pixels(dims: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)
    pred = torch.randn(2, 3, *dims, generator=generator)
    numbers = torch.randint(0, 3, (2, 1, *dims), generator=generator).float()
    loss = MulticlassSegmentation(("background", "a", "b")).plausibility(pred, numbers)["loss"]
    expected = functional.cross_entropy(pred, numbers[:, 0].long(), reduction="none").flatten(1).mean(dim=1)
    torch.testing.assert_close(loss, expected.double())
    regions = (torch.rand(2, 3, *dims, generator=generator) < 0.4).float()
    loss = MultilabelSegmentation(("a", "b", "c")).plausibility(pred, regions)["loss"]
    expected = functional.binary_cross_entropy_with_logits(pred, regions, reduction="none").flatten(1).mean(dim=1)
    torch.testing.assert_close(loss, expected.double())
