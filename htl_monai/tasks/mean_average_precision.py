"""The mean average precision of networks that look for many findings."""

from __future__ import annotations

import numpy as np
from monai.metrics import Cumulative
from sklearn.metrics import average_precision_score
from torch import Tensor

__all__ = ["MeanAveragePrecision", "mean_average_precision"]


def mean_average_precision(pred: Tensor, labels: Tensor) -> float:
    """Return the mean over the classes of scikit-learn's average precision.

    Args:
        pred: ``(N, C)`` logits or probabilities.
        labels: ``(N, C)``, 0, 1 or NaN for unknown, which counts nowhere.

    Returns:
        In [0, 1]; classes without a positive label are left out, NaN where that is all of them.

    Example:
        >>> import torch
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
