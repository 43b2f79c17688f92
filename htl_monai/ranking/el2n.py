"""EL2N: how far the probabilities are from the labels early in the training."""

from dataclasses import dataclass

from htl_monai.ranking.of_training import OfTraining
from htl_monai.ranking.ranking import Values


@dataclass(frozen=True)
class EL2N(OfTraining):
    """Rank by the norm of the error vector (Paul et al., 2021).

    Args:
        epochs: how many of the first epochs are averaged.
    """

    name = "el2n"
    meaning = "How far the network's probabilities are from the labels in the first epochs."
    variables = ("dynamics_error",)

    epochs: int = 10

    def of_epochs(self, recorded: Values) -> Values:
        """Return the mean error of the first epochs."""
        return self.mean(recorded[: self.epochs])
