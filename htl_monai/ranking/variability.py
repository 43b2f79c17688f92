"""Variability: how much the training wavers about a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from htl_monai.ranking.of_training import OfTraining


@dataclass(frozen=True)
class Variability(OfTraining):
    """Rank by the spread of the label's probability over the epochs (Swayamdipta et al., 2020)."""

    name: ClassVar[str] = "variability"
    meaning: ClassVar[str] = "How much the probability of the label varies from epoch to epoch."
    variables: ClassVar[tuple[str, ...]] = ("dynamics_confidence",)

    def of_epochs(self, recorded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation over the epochs."""
        return np.sqrt(self.mean((recorded - self.mean(recorded)) ** 2))
