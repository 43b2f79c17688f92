"""What a heat map explains."""

from __future__ import annotations

import torch

from htl_monai.localization.cam_targets import image_targets


def test_the_predicted_class_stays_chosen() -> None:
    (first, second), empty = image_targets(torch.tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 2.0]]), None, 2)
    assert first(torch.tensor([9.0, 4.0, 2.0])) == 4 and second(torch.tensor([9.0, 4.0, 2.0])) == 9
    assert not empty.any()


def test_a_named_class() -> None:
    output = torch.tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 3.0]])
    for named, expected in ((2, [2, 3]), ([0, 2], [1, 3])):
        targets, _ = image_targets(output, named, 2)
        assert [float(target(one)) for target, one in zip(targets, output, strict=True)] == expected


def test_the_foreground_logits_are_summed_over_the_first_prediction() -> None:
    output = torch.tensor([[[[0.0, 0.0, 3.0]], [[1.0, 2.0, 3.0]]]])
    (target,), empty = image_targets(output, None, 1)
    assert target(output[0]) == 3  # a tie is background
    assert target(torch.tensor([[[9.0, 9.0, 9.0]], [[4.0, 5.0, 6.0]]])) == 9
    assert empty.tolist() == [False]


def test_no_foreground_is_empty_with_zero_gradients() -> None:
    output = torch.zeros(1, 2, 3, 3, requires_grad=True)
    (target,), empty = image_targets(output, None, 1)
    target(output[0]).backward()
    assert empty.tolist() == [True] and not output.grad.any()
