"""Just Train Twice: trains on from the middle of the training, the chosen images several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.attention.upweight import Upweight

__all__ = ["TrainOn"]


@dataclass(frozen=True)
class TrainOn(Upweight):
    """Show what :class:`Upweight` shows to the network from the middle of the dense one's training.

    Liu et al., Just Train Twice, ICML 2021, train a second network on what a network of few epochs gets wrong. Here the
    images are chosen by the network from the middle, and the second training goes on from it; with the overlay
    ``trainings/from_scratch.json`` it begins anew.
    """

    name: ClassVar[str] = "train_on"
    meaning: ClassVar[str] = "Train on from the middle of the training, with the chosen images several times."
    start: ClassVar[str] = "intermediate"
