"""AUM: how clearly the training puts the label above everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from htl_monai.ranking.of_training import OfTraining


@dataclass(frozen=True)
class AUM(OfTraining):
    """Rank by the negative area under the margin (Pleiss et al., 2020), low where a label is likely wrong."""

    name: ClassVar[str] = "aum"
    meaning: ClassVar[str] = "How little the label's logit stands above the largest other one, on average over epochs."
    variables: ClassVar[tuple[str, ...]] = ("dynamics_margin",)

    def of_epochs(self, recorded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return minus the mean margin."""
        return -self.mean(recorded)
