"""PIE by rank correlation: which samples' order of the classes pruning changes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from xarray import Dataset

from htl_monai.ranking.of_probabilities import OfProbabilities, same_probabilities
from htl_monai.ranking.ranking import Values
from htl_monai.tasks import class_order


class PieSpearman(OfProbabilities):
    """Rank by one minus Spearman's correlation of the classes' probabilities, averaged over the seeds (PruneCXR)."""

    name = "pie_spearman"
    meaning = "How much of the dense networks' order of the classes is lost when they are pruned."

    def missing(self, scores: Dataset) -> str | None:
        """As every ranking; and a single class has no order."""
        reason = super().missing(scores)
        alone = reason is None and scores["probability"].sizes["class"] < 2
        return f"{self.needs} A single class has no order." if alone else reason

    def values(self, scores: Dataset) -> Values:
        """Return one minus the correlation, in [0, 2]."""
        return class_order_lost(*self.pair(scores))


def rank_correlation(dense: ArrayLike, pruned: ArrayLike) -> Values:
    """Return Spearman's rank correlation of each sample's classes, of probabilities ``(N, C)``.

    Returns:
        ``(N,)`` in [-1, 1]; lower = more is forgotten. Equal probabilities share their mean rank; NaN where one of the
        two gives every class the same probability, and with a single class.

    Raises:
        ValueError: the shapes differ or are not ``(N, C)``, or a probability is NaN.

    Example:
        >>> rank_correlation([[0.9, 0.5, 0.1], [0.2, 0.3, 0.4]], [[0.8, 0.5, 0.2], [0.4, 0.3, 0.2]]).tolist()
        [1.0, -1.0]
    """
    before, after = same_probabilities(dense, pruned, "(N, C)")
    return np.asarray(class_order.rank_correlation(torch.tensor(before), torch.tensor(after)).numpy())


def class_order_lost(dense: ArrayLike, pruned: ArrayLike) -> Values:
    """Return how much of the dense network's order of the classes is lost.

    Returns:
        ``(N,)``; higher = harder: one minus :func:`rank_correlation`; 1 where the pruned network alone gives every
        class the same probability, so that no order is left; infinite where the dense one does: such a sample was
        never learned. NaN with a single class.

    Example:
        >>> class_order_lost([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]], [[0.1, 0.9], [0.3, 0.3], [0.1, 0.9]]).tolist()
        [2.0, 1.0, inf]
    """
    before = np.asarray(dense, dtype=np.float64)
    lost = 1 - rank_correlation(before, pruned)
    if before.shape[1] > 1:
        lost[np.isnan(lost)] = 1.0
        lost[(before == before[:, :1]).all(axis=1)] = np.inf
    return lost
