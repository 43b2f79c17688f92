"""EL2N: how far the probabilities are from the labels early in the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from htl_monai.ranking.of_training import OfTraining


@dataclass(frozen=True)
class EL2N(OfTraining):
    """Rank by the norm of the error vector (Paul et al., 2021).

    Args:
        epochs: how many of the first epochs are averaged.
    """

    name: ClassVar[str] = "el2n"
    meaning: ClassVar[str] = "How far the network's probabilities are from the labels in the first epochs."
    variables: ClassVar[tuple[str, ...]] = ("dynamics_error",)

    epochs: int = 10

    def of_epochs(self, recorded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean error of the first epochs."""
        return self.mean(recorded[: self.epochs])
