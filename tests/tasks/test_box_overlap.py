"""Overlap and place of boxes, by hand and against torchvision."""

from __future__ import annotations

import math

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from htl_monai.localization.boxes import Box
from htl_monai.tasks.boxes import BOX_EDGES, box_edges, box_iou


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x_min, y_min = draw(st.integers(0, 20)), draw(st.integers(0, 20))
    return Box(x_min, y_min, x_min + draw(st.integers(1, 20)), y_min + draw(st.integers(1, 20)))


@given(boxes(), boxes())
def test_overlap_equals_torchvision_s(a: Box, b: Box) -> None:
    one, other = (torch.tensor([box], dtype=torch.float64) for box in (a, b))
    assert box_iou(a, b) == torchvision.ops.box_iou(one, other).item()


@given(boxes(), boxes())
def test_overlap_is_symmetric_and_full_for_equal_boxes_only(a: Box, b: Box) -> None:
    assert box_iou(a, b) == box_iou(b, a)
    assert (box_iou(a, b) == 1) == (a == b)


def test_overlap_by_hand() -> None:
    assert box_iou(Box(0, 0, 4, 2), Box(2, 1, 6, 3)) == pytest.approx(2 / 14)
    assert box_iou(Box(0, 0, 4, 2), Box(4, 0, 6, 2)) == 0  # they touch: half-open


def test_empty_boxes() -> None:
    assert box_iou(None, None) == 1
    assert box_iou(None, Box(0, 0, 1, 1)) == box_iou(Box(0, 0, 1, 1), None) == 0


def test_edges_are_fractions_of_the_picture() -> None:
    assert BOX_EDGES == ("x_min", "y_min", "x_max", "y_max")
    assert box_edges(Box(2, 1, 10, 4), height=4, width=10) == (0.2, 0.25, 1.0, 1.0)
    assert all(math.isnan(edge) for edge in box_edges(None, 4, 10))
