"""What a network that looks for many findings says of each image, and how good that is."""

from __future__ import annotations

import numpy as np
import torch
from monai.metrics import Cumulative
from sklearn.metrics import average_precision_score
from torch import Tensor

__all__ = ["PROBABILITY", "MeanAveragePrecision", "class_probabilities", "mean_average_precision"]

PROBABILITY = "probability"


def class_probabilities(pred: Tensor, reference: Tensor | None = None) -> dict[str, Tensor]:
    """Return the probability of each class: the ``scores`` of a ``ForgettingEvaluator`` that keeps predictions.

    Args:
        pred: logits ``(N, C)``, each class by itself.
        reference: not used; what an image is scored against elsewhere.

    Returns:
        ``probability``: ``(N, C)`` float32 in [0, 1].

    Raises:
        ValueError: ``pred`` has another number of dimensions.
    """
    if pred.ndim != 2:
        raise ValueError(f"pred must be logits (N, C), got shape {tuple(pred.shape)}; use a network that classifies")
    return {PROBABILITY: torch.sigmoid(pred.float())}


def mean_average_precision(pred: Tensor, labels: Tensor) -> float:
    """Return the mean over the classes of scikit-learn's average precision.

    Args:
        pred: ``(N, C)`` logits or probabilities.
        labels: ``(N, C)``, 0, 1 or NaN for unknown, which counts nowhere.

    Returns:
        In [0, 1]; classes without a positive label are left out, NaN where that is all of them.

    Example:
        >>> mean_average_precision(torch.tensor([[0.9], [0.1], [0.5]]), torch.tensor([[1.0], [0.0], [float("nan")]]))
        1.0
    """
    scores, truths = pred.detach().cpu().double().numpy(), labels.detach().cpu().numpy()
    precisions = []
    for score, truth in zip(scores.T, truths.T, strict=True):
        known = ~np.isnan(truth)
        if (truth[known] == 1).any():
            precisions.append(average_precision_score(truth[known], score[known]))
    return float(np.mean(precisions)) if precisions else float("nan")


class MeanAveragePrecision(Cumulative):
    """Collect predictions and labels over batches and processes, for :func:`mean_average_precision` of them all.

    It is the ``metric_fn`` of a MONAI ``IgniteMetricHandler``.
    """

    def __call__(self, pred: Tensor, labels: Tensor) -> None:
        """Add one batch, ``(N, C)`` each."""
        self.extend(pred.detach().float(), labels.detach().float())

    def aggregate(self) -> float:
        """Return the mean average precision of all that was added, the same in every process."""
        pred, labels = self.get_buffer()
        return mean_average_precision(pred, labels)
