"""Dense error: what the network gets wrong before anything is pruned."""

from xarray import Dataset

from htl_monai.ranking.forgetting import OfScore
from htl_monai.ranking.ranking import Values


class DenseError(OfScore):
    """Rank by one minus the dense score: the truth about which predictions are bad, where labels are known."""

    name = "dense_error"
    meaning = "How far the dense network's score is from 1."
    needs = "It needs labels."
    needs_labels = True

    def values(self, scores: Dataset) -> Values:
        """Return the error in [0, 1]."""
        return 1 - self.score(scores, self.of_name(scores))
