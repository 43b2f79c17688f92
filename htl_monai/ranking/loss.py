"""Loss: what the dense network was trained to make small."""

from htl_monai.ranking.of_dense import OfDense


class Loss(OfDense):
    """Rank by the loss."""

    name = "loss"
    meaning = "The dense network's loss of the sample."
    needs = "It needs labels, and a task that scores the loss."
    needs_labels = True
    variables = ("loss",)
