"""Entropy: how undecided the dense network is."""

from htl_monai.ranking.of_dense import OfDense


class Entropy(OfDense):
    """Rank by the mean entropy of the probabilities."""

    name = "entropy"
    meaning = "How undecided the dense network is, over the whole sample."
    needs = "It needs the dense network's probabilities, and no labels."
    variables = ("entropy",)
