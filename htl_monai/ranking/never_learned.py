"""Never learned: samples of which even the dense network finds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.forgetting import OfScore
from htl_monai.ranking.hardness import is_never_learned


@dataclass(frozen=True)
class NeverLearned(OfScore):
    """Tell apart the samples that had nothing to lose."""

    name: ClassVar[str] = "never_learned"
    meaning: ClassVar[str] = "1 where the dense network's score is 0, and 0 elsewhere."
    needs: ClassVar[str] = "It needs labels."

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return 1 or 0; NaN where nothing was measured."""
        dense = self.score(scores, self.of_name(scores))
        return np.where(np.isnan(dense), np.nan, is_never_learned(dense))
