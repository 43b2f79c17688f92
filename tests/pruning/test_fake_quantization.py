"""Tests of the rounding to few bits, against PyTorch's quantised tensors and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.pruning.fake_quantization import rounded_images, rounded_rows


def test_rows_by_hand() -> None:
    # Scales 1 / 127 and 2 / 127: 0.3 is 38.1 of the first, -0.5 is -31.75 of the second.
    rounded = rounded_rows(torch.tensor([[[1.0, 0.3], [-0.5, -2.0]]]), bits=8)
    torch.testing.assert_close(rounded, torch.tensor([[[1.0, 38 / 127], [-64 / 127, -2.0]]]))


def test_images_by_hand() -> None:
    # 2 bits: scale 3 / 3 = 1 and zero point 1 in the first image; 0.6 / 3 = 0.2 and zero point 0 in the second.
    images = torch.tensor([[-1.0, 2.0, 0.4, 1.7], [0.6, 0.05, 0.25, 0.39]])
    rounded = rounded_images(images, images.amin(1), images.amax(1), bits=2)
    torch.testing.assert_close(rounded, torch.tensor([[-1.0, 2.0, 0.0, 2.0], [0.6, 0.0, 0.2, 0.4]]))


@pytest.mark.skipif(not hasattr(torch, "quantize_per_channel"), reason="this torch has no quantised tensors")
@pytest.mark.filterwarnings("ignore:torch.quantize_per")
def test_rows_equal_the_quantised_tensors_of_pytorch() -> None:
    matrix = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    scales = matrix.abs().amax(1).double() / 127
    reference = torch.quantize_per_channel(matrix, scales, torch.zeros(6), 0, torch.qint8).dequantize()
    torch.testing.assert_close(rounded_rows(matrix[None], 8)[0], reference)


@pytest.mark.skipif(not hasattr(torch, "quantize_per_tensor"), reason="this torch has no quantised tensors")
@pytest.mark.filterwarnings("ignore:torch.quantize_per")
def test_each_image_equals_the_quantised_tensor_of_pytorch() -> None:
    images = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 5, 30]).view(
        3, 1, 1, 1
    )
    low, high = images.amin((1, 2, 3)), images.amax((1, 2, 3))
    rounded = rounded_images(images, low, high, 8)
    for image, own, least, most in zip(images, rounded, low.tolist(), high.tolist(), strict=True):
        scale = (most - least) / 255
        reference = torch.quantize_per_tensor(image, scale, round(-least / scale), torch.quint8).dequantize()
        torch.testing.assert_close(own, reference)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=12), bits=st.integers(2, 16))
def test_no_value_moves_by_more_than_half_a_step(values: list[float], bits: int) -> None:
    values_ = torch.tensor([values])
    rows = rounded_rows(values_[None], bits)[0]
    step = values_.abs().max().item() / (2 ** (bits - 1) - 1)
    assert (rows - values_).abs().max() <= 0.5001 * step + 1e-30
    assert len(np.unique(rows.numpy())) <= 2**bits - 1
    images = rounded_images(values_, values_.amin(1), values_.amax(1), bits)
    step = (max(values_.max().item(), 0) - min(values_.min().item(), 0)) / (2**bits - 1)
    assert (images - values_).abs().max() <= 1.0001 * step + 1e-30  # a bound may move with the zero point
    assert (images[values_ == 0] == 0).all() and (rows[values_ == 0] == 0).all()


def test_a_row_and_an_image_of_zeros_stay_zero() -> None:
    assert rounded_rows(torch.zeros(1, 2, 3), 8).eq(0).all()
    assert rounded_images(torch.zeros(2, 3), torch.zeros(2), torch.zeros(2), 8).eq(0).all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_an_image_with_a_range_that_is_not_finite_becomes_nan_and_no_other(bad: float) -> None:
    images = torch.ones(3, 4)
    images[1, 2] = bad
    rounded = rounded_images(images, images.amin(1), images.amax(1), 8)
    assert rounded.isnan().all(dim=1).tolist() == [False, True, False]
    torch.testing.assert_close(rounded[[0, 2]], images[[0, 2]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_type_and_memory_format_stay(dtype: torch.dtype) -> None:
    images = torch.rand(2, 3, 4, 4).to(dtype).contiguous(memory_format=torch.channels_last)
    rounded = rounded_images(images, images.amin((1, 2, 3)), images.amax((1, 2, 3)), 8)
    assert rounded.dtype == dtype and rounded.stride() == images.stride()
