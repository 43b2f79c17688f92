"""Random: any samples, to compare with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xarray import Dataset

from htl_monai.ranking.ranking import Ranking, Values
from htl_monai.ranking.selection import select_random


@dataclass(frozen=True)
class Random(Ranking):
    """Rank at random: what any choice of as many samples reaches.

    Args:
        seed: of the drawing.
    """

    name = "random"
    meaning = "Nothing: it is drawn, and every other ranking must do better."
    needs = "It needs nothing."

    seed: int = 0

    def values(self, scores: Dataset) -> Values:
        """Return numbers in [0, 1)."""
        return np.random.default_rng(self.seed).random(scores.sizes["sample"])

    def choose(self, scores: Dataset, count: int, never_learned: str = "exclude") -> list[str]:
        """Draw ``count`` ids without replacement, those never learned too."""
        return select_random(scores["sample"].values.tolist(), count, self.seed)
