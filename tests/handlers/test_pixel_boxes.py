"""Boxes in pixels of the original images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import DataLoader
from PIL import Image
from torch import Tensor, nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.pixel_boxes import boxes_in_pixels
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.localization.boxes import Box
from htl_monai.pruning import GlobalMagnitude
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.scores import read_scores
from htl_monai.tasks.boxes import BOX_EDGES, box_edges, edges_in_pixels
from htl_monai.tasks.heat_map_localization import HeatMapLocalization

NAMES = [f"{edge}_px" for edge in BOX_EDGES]


@pytest.fixture
def data(tmp_path: Path) -> list[dict]:
    """Two images of sizes of their own, both larger than what the network sees."""
    sizes = {"wide": (100, 30), "high": (60, 90)}
    for name, size in sizes.items():
        Image.new("RGB", size).save(tmp_path / f"{name}.jpg")
    return [{"id": name, "image": str(tmp_path / f"{name}.jpg")} for name in sizes]


def test_edges_are_those_of_each_image_whatever_the_order(data: list[dict]) -> None:
    # Of 16 columns and 12 rows the box holds columns 4 to 7 and rows 3 to 5.
    fractions = dict(zip(BOX_EDGES, box_edges(Box(4, 3, 8, 6), 12, 16), strict=True))
    scores = {"box_iou": np.array([0.5, 0.5]), **{edge: np.full(2, value) for edge, value in fractions.items()}}
    pixels = boxes_in_pixels(data, ["high", "wide"], scores)
    assert list(pixels) == ["box_iou", *NAMES]
    # 90 · 3/12 = 22.5 and 30 · 3/12 = 7.5 are rounded down, being the upper edge.
    expected = [[15, 25], [22, 7], [30, 50], [45, 15]]
    np.testing.assert_array_equal([pixels[name] for name in NAMES], expected)
    table = {**scores, "x_min": np.array([[0.25, np.nan], [0.5, 0.33]])}
    np.testing.assert_array_equal(boxes_in_pixels(data, ["wide", "high"], table)["x_min_px"], [[25, np.nan], [30, 19]])


def test_without_boxes_no_image_is_looked_at() -> None:
    scores = {"foreground_iou": np.array([0.5])}
    assert boxes_in_pixels([{"id": "a", "image": "nowhere.jpg"}], ["a"], scores) == scores


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_box_in_pixels_holds_the_fractions_and_is_never_empty(seen: int, original: int, draw) -> None:
    x_min = draw.draw(st.integers(0, seen - 1))
    x_max = draw.draw(st.integers(x_min + 1, seen))
    low, high = (
        edges_in_pixels(edge, np.array([value / seen]), np.array([original])).item()
        for edge, value in (("x_min", x_min), ("x_max", x_max))
    )
    assert 0 <= low < high <= original
    assert low - 1e-3 <= x_min / seen * original < low + 1 and high - 1 < x_max / seen * original <= high + 1e-3
    if seen == original:
        assert (low, high) == (x_min, x_max)


def test_forgetting_csv_has_both_boxes_of_each_image(data: list[dict], tmp_path: Path) -> None:
    class Threshold(nn.Module):
        """Finds the bright pixels, and nothing once its weight is pruned."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1, bias=False)
            self.conv.weight.data = torch.tensor([[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]])[..., None, None]

        def forward(self, images: Tensor) -> Tensor:
            return self.conv(images)

    image = torch.zeros(3, 12, 16)
    image[0, 3:6, 4:8] = 1
    loader = DataLoader([{"id": item["id"], "image": image} for item in data], batch_size=2)
    handler = ScoresWriter(data, tmp_path / "scores.nc")
    arguments = {"task": HeatMapLocalization(), "val_handlers": [handler]}
    ForgettingEvaluator(torch.device("cpu"), loader, Threshold(), GlobalMagnitude(), [0.9], **arguments).run()
    found = read_scores(tmp_path / "scores.nc")
    for name, box in {"wide": [25, 7, 50, 15], "high": [15, 22, 30, 45]}.items():
        assert [found[edge].sel(sample=name, level=0).item() for edge in NAMES] == box
        assert all(np.isnan(found[edge].sel(sample=name, level=0.9).item()) for edge in NAMES)
    assert forgetting_table(found)["forgetting"].tolist() == [1, 1] and "x_min" not in found
