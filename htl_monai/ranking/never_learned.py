"""Never learned: samples of which even the dense network finds nothing."""

import numpy as np
from xarray import Dataset

from htl_monai.ranking.forgetting import OfScore
from htl_monai.ranking.hardness import is_never_learned
from htl_monai.ranking.ranking import Values


class NeverLearned(OfScore):
    """Tell apart the samples that had nothing to lose."""

    name = "never_learned"
    meaning = "1 where the dense network's score is 0, and 0 elsewhere."
    needs = "It needs labels."

    def values(self, scores: Dataset) -> Values:
        """Return 1 or 0; NaN where nothing was measured."""
        dense = self.score(scores, self.of_name(scores))
        return np.where(np.isnan(dense), np.nan, is_never_learned(dense))
