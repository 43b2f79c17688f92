"""Box change: how far the pruned network's box departs from the dense one's."""

import numpy as np
from xarray import Dataset

from htl_monai.ranking.hardness import BOX_EDGES, hardness
from htl_monai.ranking.ranking import OfPruned, Values


class BoxChange(OfPruned):
    """Rank by one minus the IoU of the two boxes (Attend Who is Weak, Algorithm 2); no label is needed."""

    name = "box_change"
    meaning = "How far the pruned network's box departs from the dense network's."
    needs = "It needs boxes of a pruned level beside dense ones, and no labels."
    variables = ("box_agreement",)

    def values(self, scores: Dataset) -> Values:
        """Return the change in [0, 1]; infinite where the dense network draws no box."""
        change = 1 - self.score(scores, "box_agreement", self.level_of(scores))
        edge = next((self.score(scores, name) for name in BOX_EDGES if name in scores), None)
        return change if edge is None else hardness(change, np.isnan(edge) & ~np.isnan(change))
