"""What rankings share that are one number of the dense network's output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.ranking import Ranking


@dataclass(frozen=True)
class OfDense(Ranking):
    """Base of rankings that are the dense network's value of their one variable."""

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return the variable."""
        return self.score(scores, self.variables[0])
