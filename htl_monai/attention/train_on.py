"""Just Train Twice: trains on from the middle of the training, the chosen images several times."""

from htl_monai.attention.upweight import Upweight


class TrainOn(Upweight):
    """Show what :class:`Upweight` shows to the network from the middle of the dense one's training.

    Liu et al., Just Train Twice, ICML 2021, train a second network on what a network of few epochs gets wrong. Here the
    images are chosen by the network from the middle, and the second training goes on from it; with the overlay
    ``trainings/from_scratch.json`` it begins anew.
    """

    name = "train_on"
    meaning = "Train on from the middle of the training, with the chosen images several times."
    start = "intermediate"
