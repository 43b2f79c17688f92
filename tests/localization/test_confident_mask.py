"""Masks at the size of the original image, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from htl_monai.localization.confident_mask import confident_mask


def test_by_hand_at_the_same_size() -> None:
    logits = torch.tensor([[[0.0, 0.0, 0.0]], [[2.0, 1.0, 0.0]]])  # the last one is a tie
    mask, confidence = confident_mask(logits, (1, 3))
    assert mask.tolist() == [[True, True, False]]
    assert confidence == pytest.approx((1 / (1 + np.exp(-2)) + 1 / (1 + np.exp(-1))) / 2)


def test_enlarged_as_pillow_enlarges_probabilities() -> None:
    logits = torch.randn(2, 12, 16, generator=torch.Generator().manual_seed(0))
    mask, confidence = confident_mask(logits, (36, 48))
    probability = torch.softmax(logits, dim=0)[1].numpy()
    expected = np.asarray(Image.fromarray(probability).resize((48, 36), Image.Resampling.BILINEAR))
    clear = np.abs(expected - 0.5) > 1e-6
    assert ((expected > 0.5) == mask.numpy())[clear].all()
    assert confidence == pytest.approx(expected[expected > 0.5].mean(), abs=1e-5)
    assert 0.5 < confidence <= 1


def test_the_larger_of_both_resized_probabilities_decides() -> None:
    logits = 3 * torch.randn(2, 10, 14, generator=torch.Generator().manual_seed(1))
    resized = torch.nn.functional.interpolate(
        torch.softmax(logits, dim=0)[None], size=(33, 21), mode="bilinear", align_corners=False
    )
    assert torch.equal(confident_mask(logits, (33, 21))[0], resized[0].argmax(dim=0).bool())


@pytest.mark.parametrize("value", [-5.0, float("nan")])
def test_nothing_found_is_no_confidence(value: float) -> None:
    logits = torch.stack([torch.zeros(4, 4), torch.full((4, 4), value)])
    mask, confidence = confident_mask(logits, (8, 8))
    assert not mask.any() and confidence == 0


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"logits must be \(2, h, w\), got \(1, 4, 4\)"):
        confident_mask(torch.zeros(1, 4, 4), (4, 4))
