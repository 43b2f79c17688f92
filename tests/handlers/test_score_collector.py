"""Collecting scores over batches."""

from __future__ import annotations

import numpy as np
import torch

from htl_monai.handlers.score_collector import ScoreCollector


def test_batches_are_joined_in_order() -> None:
    collector = ScoreCollector()
    collector.add(["a", "b"], {"iou": torch.tensor([0.1, 0.2]), "dice": torch.tensor([[1.0, 2.0], [3.0, 4.0]])})
    collector.add(["c"], {"iou": torch.tensor([float("nan")]), "dice": torch.tensor([[5.0, 6.0]])})
    ids, scores = collector.gathered()
    assert ids == ["a", "b", "c"]
    np.testing.assert_allclose(scores["iou"], [0.1, 0.2, np.nan], rtol=1e-6)
    assert scores["iou"].dtype == np.float32  # as it came
    assert scores["dice"].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_clearing_forgets_all() -> None:
    collector = ScoreCollector()
    collector.add(["a"], {"iou": torch.tensor([0.1])})
    collector.clear()
    assert collector.gathered() == ([], {})


def test_gradients_are_not_kept() -> None:
    collector = ScoreCollector()
    collector.add(["a"], {"iou": torch.tensor([0.5], requires_grad=True)})
    assert collector.gathered()[1]["iou"].tolist() == [0.5]
