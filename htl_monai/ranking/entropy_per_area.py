"""Entropy per predicted area: how undecided the dense network is, whatever the size of what it finds."""

from htl_monai.ranking.of_dense import OfDense


class EntropyPerArea(OfDense):
    """Rank by the entropy in relation to the predicted area."""

    name = "entropy_per_area"
    meaning = "How undecided the dense network is, in relation to the area that it predicts."
    needs = "It needs the dense network's probabilities of masks, and no labels."
    variables = ("entropy_per_area",)
