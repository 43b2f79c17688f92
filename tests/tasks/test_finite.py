"""Which outputs are finite, and the words for those that are not."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from htl_monai.tasks.finite import are_finite, require_finite


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 5, 6), (4, 2, 3, 4, 5)])
def test_one_bad_number_marks_its_image_alone(bad: float, shape: tuple[int, ...]) -> None:
    output = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    assert are_finite(output).tolist() == [True] * 4
    output[2].view(-1)[-1] = bad
    assert are_finite(output).tolist() == [True, True, False, True]
    assert are_finite(MetaTensor(output)).tolist() == [True, True, False, True]


def test_low_precision_and_memory_formats() -> None:
    output = torch.full((2, 3, 4, 5), 6e4, dtype=torch.float16).to(memory_format=torch.channels_last)
    assert are_finite(output).all()  # a sum would overflow
    output[1, 0, 0, 0] = torch.nan
    assert are_finite(output).tolist() == [True, False]


def test_images_and_the_first_bad_sparsity_are_named() -> None:
    finite = torch.tensor([[True, True, False], [True, False, False], [True, False, True]])
    require_finite(finite[:, :1], ["a", "b", "c"])
    words = r"^the output at sparsity 0.9 must be finite, got NaN or infinity for b, c; .* leave this sparsity out$"
    with pytest.raises(FloatingPointError, match=words):
        require_finite(finite, ["a", "b", "c"], (0.0, 0.9, 0.99))
    with pytest.raises(FloatingPointError, match=r"^the output of the dense network must be finite, got NaN or infin"):
        require_finite(finite[:, 1:], ["a", "b", "c"], (0.0, 0.99))
