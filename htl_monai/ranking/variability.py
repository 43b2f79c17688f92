"""Variability: how much the training wavers about a sample."""

import numpy as np

from htl_monai.ranking.of_training import OfTraining
from htl_monai.ranking.ranking import Values


class Variability(OfTraining):
    """Rank by the spread of the label's probability over the epochs (Swayamdipta et al., 2020)."""

    name = "variability"
    meaning = "How much the probability of the label varies from epoch to epoch."
    variables = ("dynamics_confidence",)

    def of_epochs(self, recorded: Values) -> Values:
        """Return the standard deviation over the epochs."""
        return np.sqrt(self.mean((recorded - self.mean(recorded)) ** 2))
