"""Room for the labels of points and curves."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from htl_monai.report.direct_labels import label_points, place_beside, spread_apart

POSITIONS = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(positions=POSITIONS, gap=st.floats(0.01, 2))
def test_spread_labels_keep_their_distance_and_order(positions: list[float], gap: float) -> None:
    moved = spread_apart(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(moved[order]) >= gap - 1e-9).all()
    assert moved.mean() == pytest.approx(np.mean(positions), abs=1e-6)  # as a whole they stay where they were


def test_labels_with_room_do_not_move() -> None:
    assert spread_apart([3.0, 1.0, 2.0], gap=1.0).tolist() == [3, 1, 2]
    assert len(spread_apart([], gap=1.0)) == 0


def test_labels_cover_neither_each_other_nor_a_point() -> None:
    rng = np.random.default_rng(0)
    points, sizes = rng.uniform(20, 80, (12, 2)), np.tile([14.0, 3.0], (12, 1))
    centres = place_beside(points, sizes, distance=1.5, bounds=[0, 0, 100, 100])
    low, high = centres - sizes / 2, centres + sizes / 2
    assert (low >= 0).all() and (high <= 100).all()
    for a, b in combinations(range(12), 2):
        assert (low[a] >= high[b]).any() or (low[b] >= high[a]).any()
    for point in points:
        assert not ((low < point) & (point < high)).all(axis=1).any()


def test_where_nothing_is_free_the_label_stands_to_the_right() -> None:
    centre = place_beside([[5, 5]], [[20, 20]], distance=1, bounds=[0, 0, 10, 10])
    assert centre.tolist() == [[16, 5]]


def test_names_are_written_inside_the_axes() -> None:
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    axes.scatter([0, 1, 1], [0, 1, 0.99])
    figure.draw_without_rendering()
    label_points(axes, [0, 1, 1], [0, 1, 0.99], ["Mass", "Hernia", "Effusion"])
    assert [text.get_text() for text in axes.texts] == ["Mass", "Hernia", "Effusion"]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not boxes[1].overlaps(boxes[2])
    assert all(axes.bbox.padded(1).contains(*corner) for box in boxes for corner in (box.min, box.max))
