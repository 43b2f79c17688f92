"""What a heat map explains."""

from __future__ import annotations

import pytest
import torch

from htl_monai.localization.cam_targets import ImageTarget


def test_the_predicted_class_stays_chosen() -> None:
    target = ImageTarget()
    assert target(torch.tensor([1.0, 5.0, 2.0])) == 5
    assert target(torch.tensor([9.0, 4.0, 2.0])) == 4
    assert not target.is_empty()


def test_a_named_class() -> None:
    assert ImageTarget(2)(torch.tensor([1.0, 5.0, 2.0])) == 2


def test_the_foreground_logits_are_summed_over_the_first_prediction() -> None:
    target = ImageTarget()
    assert target(torch.tensor([[[0.0, 0.0, 3.0]], [[1.0, 2.0, 3.0]]])) == 3  # a tie is background
    assert target(torch.tensor([[[9.0, 9.0, 9.0]], [[4.0, 5.0, 6.0]]])) == 9
    assert not target.is_empty()


def test_no_foreground_is_empty_with_zero_gradients() -> None:
    target, output = ImageTarget(), torch.zeros(2, 3, 3, requires_grad=True)
    target(output).backward()
    assert target.is_empty() and not output.grad.any()


def test_an_unused_target_does_not_know() -> None:
    with pytest.raises(RuntimeError, match="^a target must see an output before it knows what is predicted, got none"):
        ImageTarget().is_empty()
