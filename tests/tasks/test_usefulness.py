"""Telling a network that learned nothing by its scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from htl_monai.tasks.usefulness import (
    WHOLE_IMAGE,
    mean_random_order_ap,
    random_order_ap,
    useless_boxes,
    useless_masks,
    useless_metric,
)


def scores(foreground: list[float], background: list[float], whole: list[float] | None = None) -> pd.DataFrame:
    table = pd.DataFrame({"foreground_iou": foreground, "background_iou": background})
    return table if whole is None else table.assign(**{WHOLE_IMAGE: whole})


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            scores([0.0, 0.0, np.nan], [0.8, 0.9, 1.0]),
            "finds nothing of the foreground in any of 2 images (foreground IoU 0)",
        ),
        (scores([0.3, 0.1], [0.0, 0.0]), "calls every pixel of all 2 images foreground (background IoU 0)"),
        (scores([0.3, 0.1], [0.0, np.nan]), "calls every pixel of all 2 images foreground (background IoU 0)"),
        (
            scores([0.2, 0.2], [0.1, 0.1], [0.3, 0.2]),
            "is no better than a mask of the whole image: mean foreground IoU 0.200, at most 0.250",
        ),
        (scores([0.2, 0.2], [0.1, 0.1], [0.1, 0.2]), None),
        (scores([0.2, 0.0], [0.1, 0.0]), None),
        (scores([np.nan], [1.0]), None),
    ],
)
def test_masks(table: pd.DataFrame, reason: str | None) -> None:
    assert useless_masks(table) == reason
    assert useless_masks(
        table.add_suffix("_dense").rename(columns={f"{WHOLE_IMAGE}_dense": WHOLE_IMAGE}), "_dense"
    ) == (reason)


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ([[0, 0, 1, 1], [0, 0, 1, 1]], "outlines the whole picture in all 2 images"),
        ([[0, 0, 1, 1], [0, 0, 0.5, 1]], None),
        ([[np.nan] * 4, [0, 0, 1, 1]], None),
        ([[np.nan] * 4] * 3, "outlines nothing in any of 3 images"),
    ],
)
def test_boxes(boxes: list[list[float]], reason: str | None) -> None:
    edges = dict(zip(("x_min", "y_min", "x_max", "y_max"), np.array(boxes, dtype=float).T, strict=True))
    assert useless_boxes(edges) == reason


def test_a_metric_is_held_against_chance() -> None:
    assert useless_metric("mean AP", 0.4, 0.4 + 1e-9, "chance") is not None
    assert useless_metric("mean AP", 0.41, 0.4, "chance") is None
    assert useless_metric("mean AP", np.nan, 0.4, "chance") is useless_metric("mean AP", 0.4, np.nan, "chance") is None


@pytest.mark.parametrize(("n_positive", "n"), [(1, 40), (5, 40), (39, 40)])
def test_a_random_order_has_this_average_precision(n_positive: int, n: int) -> None:
    rng, labels = np.random.default_rng(0), np.arange(n) < n_positive
    drawn = [average_precision_score(labels, rng.permutation(n)) for _ in range(600)]
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert random_order_ap(n_positive, n) == pytest.approx(np.mean(drawn), abs=4 * error)


def test_classes_without_a_positive_image_and_unknown_labels_count_nowhere() -> None:
    labels = np.array([[1, 0, np.nan], [0, 0, 1], [np.nan, 0, 0]])
    assert mean_random_order_ap(labels) == pytest.approx(0.75)  # twice one of two
    assert np.isnan(mean_random_order_ap(np.zeros((3, 2))))
