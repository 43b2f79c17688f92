"""Localizations without a network."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu

from htl_monai.localization.boxes import mask_to_box
from htl_monai.localization.trivial import centre_box, dark_side, whole_image


def test_whole_image() -> None:
    maps = whole_image(torch.zeros(2, 3, 4, 5, dtype=torch.float64))
    assert maps.dtype == torch.float32 and torch.equal(maps, torch.ones(2, 1, 4, 5))


def test_centre_box_by_hand() -> None:
    assert mask_to_box(centre_box(torch.zeros(1, 3, 10, 20), 0.5)[0, 0]) == (5, 2, 15, 7)
    assert mask_to_box(centre_box(torch.zeros(1, 3, 3, 3), 0.01)[0, 0]) == (1, 1, 2, 2)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.05, 1))
def test_centre_box_lies_in_the_middle(height: int, width: int, fraction: float) -> None:
    (image,) = centre_box(torch.zeros(1, 1, height, width), fraction)
    x_min, y_min, x_max, y_max = mask_to_box(image[0])
    assert image.sum() == (x_max - x_min) * (y_max - y_min)
    assert abs((x_max - x_min) - fraction * width) <= 1 and abs((y_max - y_min) - fraction * height) <= 1
    assert 0 <= width - x_max - x_min <= 1 and 0 <= height - y_max - y_min <= 1


def test_dark_side_is_that_of_scikit_image_image_by_image() -> None:
    images = 0.3 * torch.rand(3, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    images[:, :, 4:10, 5:12] += 0.6
    images[1] = 1 - images[1]
    maps = dark_side(images)
    for image, one in zip(images, maps, strict=True):
        grey = rgb2gray(image.permute(1, 2, 0).numpy())
        assert torch.equal(one[0], torch.from_numpy(grey <= threshold_otsu(grey)).float())
    assert mask_to_box(maps[1, 0]) == (5, 4, 12, 10)


def test_one_grey_has_no_dark_side() -> None:
    assert not dark_side(torch.full((1, 3, 4, 4), 0.5)).any()


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^inputs must be \(N, C, H, W\), got \(3, 4, 4\); pass a batch"):
        whole_image(torch.zeros(3, 4, 4))
    with pytest.raises(ValueError, match=r"^inputs must be RGB \(N, 3, H, W\), got \(1, 1, 4, 4\); pass three"):
        dark_side(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"^inputs must be in \[0, 1\], got 0 to 255; scale the images first"):
        dark_side(255 * torch.eye(4).expand(1, 3, 4, 4))
    with pytest.raises(ValueError, match=r"^inputs must be in \[0, 1\], got nan to nan"):
        dark_side(torch.full((1, 3, 4, 4), torch.nan))
    for fraction in (0, 1.1):
        with pytest.raises(ValueError, match=rf"^fraction must be in \(0, 1\], got {fraction}; give the share"):
            centre_box(torch.zeros(1, 3, 4, 4), fraction)
