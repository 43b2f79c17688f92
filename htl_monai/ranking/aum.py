"""AUM: how clearly the training puts the label above everything else."""

from htl_monai.ranking.of_training import OfTraining
from htl_monai.ranking.ranking import Values


class AUM(OfTraining):
    """Rank by the negative area under the margin (Pleiss et al., 2020), low where a label is likely wrong."""

    name = "aum"
    meaning = "How little the label's logit stands above the largest other one, on average over epochs."
    variables = ("dynamics_margin",)

    def of_epochs(self, recorded: Values) -> Values:
        """Return minus the mean margin."""
        return -self.mean(recorded)
