"""Boxes of masks, by hand and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from htl_monai.localization.boxes import Box, mask_to_box


def test_box_is_half_open() -> None:
    mask = np.zeros((10, 20), dtype=np.uint8)
    mask[2:5, 7:15] = 255
    assert mask_to_box(mask) == Box(x_min=7, y_min=2, x_max=15, y_max=5)


def test_largest_region_wins_over_stray_pixels() -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[0, 0:3] = True
    mask[6:9, 6:9] = True
    assert mask_to_box(mask) == (6, 6, 9, 9)


def test_diagonal_neighbours_belong_together() -> None:
    assert mask_to_box(np.eye(4)) == (0, 0, 4, 4)


def test_first_of_equal_regions_wins() -> None:
    assert mask_to_box([[1, 0, 1], [0, 0, 0]]) == (0, 0, 1, 1)


@pytest.mark.parametrize("shape", [(0, 0), (3, 4)])
def test_empty_mask_has_no_box(shape: tuple[int, int]) -> None:
    assert mask_to_box(np.zeros(shape)) is None


def test_full_mask_is_the_whole_picture() -> None:
    assert mask_to_box(np.ones((3, 5))) == (0, 0, 5, 3)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_equals_regionprops(mask: np.ndarray) -> None:
    regions = regionprops(label(mask, connectivity=2))
    if not regions:
        assert mask_to_box(mask) is None
        return
    y_min, x_min, y_max, x_max = max(regions, key=lambda region: region.area).bbox
    assert mask_to_box(mask) == (x_min, y_min, x_max, y_max)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 5), st.integers(0, 5))
def test_moving_the_mask_moves_the_box(right: int, down: int) -> None:
    mask = np.zeros((12, 14), dtype=bool)
    mask[1:4, 2:7] = True
    moved = np.roll(mask, (down, right), axis=(0, 1))
    assert mask_to_box(moved) == (2 + right, 1 + down, 7 + right, 4 + down)


def test_mask_with_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mask must have the shape \(H, W\), got \(1, 4, 4\)"):
        mask_to_box(np.zeros((1, 4, 4)))
