"""Mask confidence: how sure the dense network is of what it finds."""

from xarray import Dataset

from htl_monai.ranking.of_dense import OfDense
from htl_monai.ranking.ranking import Values


class MaskConfidence(OfDense):
    """Rank by one minus the confidence."""

    name = "mask_confidence"
    meaning = "How unsure the dense network is of what it finds."
    needs = "It needs the dense network's probabilities, and no labels."
    variables = ("confidence",)

    def values(self, scores: Dataset) -> Values:
        """Return one minus the confidence."""
        return 1 - super().values(scores)
