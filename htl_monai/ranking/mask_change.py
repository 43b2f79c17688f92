"""Mask change: how far the pruned network's mask departs from the dense one's."""

from xarray import Dataset

from htl_monai.ranking.ranking import OfPruned, Values


class MaskChange(OfPruned):
    """Rank by one minus the IoU of the two masks; no label is needed."""

    name = "mask_change"
    meaning = "How far the pruned network's mask departs from the dense network's."
    needs = "It needs masks of a pruned level beside dense ones, and no labels."
    variables = ("mask_agreement",)

    def values(self, scores: Dataset) -> Values:
        """Return the change in [0, 1]."""
        return 1 - self.score(scores, "mask_agreement", self.level_of(scores))
