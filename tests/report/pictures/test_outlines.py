"""Outlines run between the pixels of a mask and those beside it."""

from __future__ import annotations

import numpy as np
import pytest

from htl_monai.report.pictures.grids import centred, scaling
from htl_monai.report.pictures.outlines import box_outline, outlines_of, placed


def drawn(shape: tuple[int, int], *blocks: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    for top, left, bottom, right in blocks:
        mask[top:bottom, left:right] ^= True
    return mask


def test_the_outline_of_a_square_is_that_square_to_half_a_pixel() -> None:
    (square,) = placed(outlines_of(drawn((20, 30), (4, 6, 14, 16))), centred(np.eye(3)[[1, 0, 2]]))
    assert square[0] == square[-1] and len(square) <= 9
    assert np.min(square, axis=0).tolist() == [6, 4] and np.max(square, axis=0).tolist() == [16, 14]
    corners = np.array([[6, 4], [16, 4], [16, 14], [6, 14]])
    distances = np.linalg.norm(np.array(square)[:, None] - corners, axis=2).min(axis=0)
    assert distances.max() <= 0.5


def test_a_mask_at_the_edge_of_the_picture_is_closed_there() -> None:
    (whole,) = outlines_of(np.ones((3, 5), dtype=bool))
    assert whole.min(axis=0).tolist() == [-0.5, -0.5] and whole.max(axis=0).tolist() == [2.5, 4.5]


def test_each_region_and_each_hole_has_its_outline_the_longest_first() -> None:
    found = outlines_of(drawn((30, 30), (2, 2, 20, 20), (8, 8, 12, 12), (25, 25, 27, 27)))
    assert [np.ptp(one, axis=0).tolist() for one in found] == [[18, 18], [4, 4], [2, 2]]
    assert outlines_of(np.zeros((4, 4), dtype=bool)) == []


def test_a_picture_of_crumbs_keeps_the_two_hundred_longest() -> None:
    mask = np.zeros((60, 60), dtype=bool)
    mask[::2, ::2] = True
    mask[40:50, 40:50] = True
    found = outlines_of(mask)
    assert len(found) == 200 and np.ptp(found[0], axis=0).min() >= 10


@pytest.mark.parametrize("scale", [0.2, 1.0, 7.0])
def test_simplifying_moves_no_point_further_than_half_a_pixel(scale: float) -> None:
    y, x = np.indices((80, 80))
    (circle,) = outlines_of((y - 40) ** 2 + (x - 40) ** 2 < 30**2)
    (simple,) = placed([circle], centred(scaling((scale, scale))))
    radii = np.linalg.norm(np.array(simple) / scale - 40.5, axis=1)
    allowed = max(0.4, 0.35 / scale) + 0.7
    assert np.abs(radii - 30).max() < allowed and len(simple) < len(circle) / 2


def test_a_box_surrounds_the_largest_region() -> None:
    (box,) = box_outline(drawn((30, 30), (4, 6, 14, 26), (20, 20, 22, 22)))
    assert box.min(axis=0).tolist() == [3.5, 5.5] and box.max(axis=0).tolist() == [13.5, 25.5]
    assert box_outline(np.zeros((4, 4), dtype=bool)) == []
