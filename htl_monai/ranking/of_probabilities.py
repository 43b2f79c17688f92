"""What rankings share that compare the class probabilities of pruned and dense networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from xarray import DataArray, Dataset

from htl_monai.ranking.ranking import OfPruned, Values, over_seeds
from htl_monai.scores import at_level


class OfProbabilities(OfPruned):
    """Base of the rankings of pruning-identified exemplars (PIEs)."""

    usual_level = 0.9  # PruneCXR
    needs = "It needs probabilities of classes, dense and at a pruned level, and no labels."
    variables = ("probability",)

    def pair(self, scores: Dataset) -> list[Values]:
        """Return the probabilities of the dense and of the pruned network, averaged over the seeds, ``(N, C)`` each."""
        return [over_seeds(found).values for found in self.of_seeds(scores)]

    def of_seeds(self, scores: Dataset) -> list[DataArray]:
        """Return the probabilities of the dense and of the pruned networks as they are."""
        levels = (0.0, self.level_of(scores))
        return [at_level(scores, level)["probability"].astype(np.float64) for level in levels]


def same_probabilities(dense: ArrayLike, pruned: ArrayLike, shape: str) -> tuple[Values, Values]:
    """Return two sets of probabilities as floats after a check that they are of the same samples and classes.

    Raises:
        ValueError: the shapes differ or are not ``shape``, or a probability is NaN.
    """
    before, after = np.asarray(dense, dtype=np.float64), np.asarray(pruned, dtype=np.float64)
    if before.ndim != shape.count(",") + 1 or before.shape != after.shape or not before.size:
        raise ValueError(
            f"dense and pruned must be {shape} of the same images and classes, got {before.shape} and {after.shape}; "
            "take both from the same predictions"
        )
    if np.isnan(before).any() or np.isnan(after).any():
        raise ValueError("dense and pruned must be numbers, got NaN; check the network's weights")
    return before, after
