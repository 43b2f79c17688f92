"""PIE by distance: how far pruning moves a sample's probabilities."""

import numpy as np
from numpy.typing import ArrayLike
from xarray import Dataset

from htl_monai.ranking.of_probabilities import OfProbabilities, same_probabilities
from htl_monai.ranking.ranking import Values


class PieTaxicab(OfProbabilities):
    """Rank by the taxicab distance of compression-identified exemplars (CIE), of the means over the seeds."""

    name = "pie_taxicab"
    meaning = "How far the probabilities of all classes together move when the networks are pruned."

    def values(self, scores: Dataset) -> Values:
        """Return the distance, in [0, C]."""
        return taxicab(*self.pair(scores))


def taxicab(dense: ArrayLike, pruned: ArrayLike) -> Values:
    """Return the sum over the classes of the absolute differences, ``(N,)`` of two ``(N, C)``.

    Example:
        >>> taxicab([[0.5, 0.25]], [[0.25, 0.75]]).tolist()
        [0.75]
    """
    before, after = same_probabilities(dense, pruned, "(N, C)")
    return np.asarray(np.abs(after - before).sum(axis=1))
