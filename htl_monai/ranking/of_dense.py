"""What rankings share that are one number of the dense network's output."""

from xarray import Dataset

from htl_monai.ranking.ranking import Ranking, Values


class OfDense(Ranking):
    """Base of rankings that are the dense network's value of their one variable."""

    def values(self, scores: Dataset) -> Values:
        """Return the variable."""
        return self.score(scores, self.variables[0])
