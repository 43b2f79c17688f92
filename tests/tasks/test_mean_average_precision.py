"""The mean average precision against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from htl_monai.tasks.mean_average_precision import MeanAveragePrecision, mean_average_precision


def draw(n: int = 40, c: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, c, generator=generator), (torch.rand(n, c, generator=generator) < 0.3).float()


def test_it_is_the_mean_of_scikit_learns_classes() -> None:
    scores, labels = draw()
    expected = average_precision_score(labels.numpy(), scores.double().numpy(), average="macro")
    assert mean_average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_unknown_labels_and_classes_without_a_positive_are_left_out() -> None:
    scores, labels = draw()
    labels[:, 1] = 0
    labels[:20, 2] = float("nan")
    expected = [
        average_precision_score(labels[:, 0].numpy(), scores[:, 0].numpy()),
        average_precision_score(labels[20:, 2].numpy(), scores[20:, 2].numpy()),
    ]
    assert mean_average_precision(scores, labels) == pytest.approx(np.mean(expected), abs=1e-12)
    assert math.isnan(mean_average_precision(scores, torch.zeros_like(labels)))


def test_batches_make_no_difference() -> None:
    scores, labels = draw()
    metric = MeanAveragePrecision()
    for part in (slice(0, 7), slice(7, 40)):
        metric(scores[part], labels[part])
    assert metric.aggregate() == mean_average_precision(scores, labels)
    metric.reset()
    metric(scores[:9], labels[:9])
    assert metric.aggregate() == mean_average_precision(scores[:9], labels[:9])
