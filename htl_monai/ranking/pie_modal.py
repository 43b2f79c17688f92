"""PIE by modal label: which samples most pruned networks class otherwise than most dense ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from xarray import Dataset

from htl_monai.ranking.of_probabilities import OfProbabilities, same_probabilities
from htl_monai.ranking.ranking import Values


class PieModal(OfProbabilities):
    """Rank by whether the networks' vote changes (Hooker et al., 2019)."""

    name = "pie_modal"
    meaning = "1 where most pruned networks name another class than most dense ones, and 0 elsewhere."

    def values(self, scores: Dataset) -> Values:
        """Return 1 or 0."""
        votes = [found.values if "seed" in found.dims else found.values[None] for found in self.of_seeds(scores)]
        return modal_disagreement(*votes).astype(np.float64)


def modal_disagreement(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.bool_]:
    """Say which samples most pruned networks class otherwise than most dense ones.

    Each network votes for its most probable class. If classes get the same number of votes, the one of the highest mean
    probability wins; if these are equal too, the first.

    Returns:
        ``(N,)`` of the probabilities ``(R, N, C)`` of ``R`` seeds, True where the winners differ.

    Raises:
        ValueError: the shapes differ or are not ``(R, N, C)``, or a probability is NaN.

    Example:
        >>> modal_disagreement([[[0.9, 0.1], [0.8, 0.3]]], [[[0.6, 0.2], [0.3, 0.4]]]).tolist()
        [False, True]
    """
    before, after = same_probabilities(dense, pruned, "(R, N, C)")
    return np.asarray(_winner(before) != _winner(after))


def _winner(probabilities: Values) -> NDArray[np.intp]:
    votes = np.zeros(probabilities.shape[1:])
    for network in probabilities:
        votes[np.arange(len(votes)), network.argmax(axis=-1)] += 1
    best = np.where(votes == votes.max(axis=-1, keepdims=True), probabilities.mean(axis=0), -np.inf)
    return np.asarray(best.argmax(axis=-1))
