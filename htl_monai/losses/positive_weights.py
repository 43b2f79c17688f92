"""Weighs the positive labels of rare classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def positive_weights(labels: ArrayLike, wanted: bool = True, device: str | torch.device = "cpu") -> Tensor | None:
    """Return the ratio of negative to positive labels of each class, so that both sides of a class weigh the same.

    Args:
        labels: ``(N, C)``, 0, 1 or NaN for unknown; of the training images.
        wanted: whether labels are weighted at all.
        device: where the weights lie.

    Returns:
        None where not ``wanted``, else ``(C,)`` float32; 1 for a class with no positive or no negative label, where
        there is nothing to balance.

    Example:
        >>> positive_weights([[1, 0], [0, 0], [0, 0], [float("nan"), 0]]).tolist()
        [2.0, 1.0]
    """
    if not wanted:
        return None
    matrix = np.asarray(labels, dtype=np.float64)
    positives, negatives = (matrix == 1).sum(axis=0), (matrix == 0).sum(axis=0)
    balanced = (positives > 0) & (negatives > 0)
    ratios = np.divide(negatives, positives, out=np.ones(len(positives)), where=balanced)
    return torch.tensor(ratios, dtype=torch.float32, device=device)
