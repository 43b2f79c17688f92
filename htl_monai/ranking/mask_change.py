"""Mask change: how far the pruned network's mask departs from the dense one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.ranking import OfPruned


@dataclass(frozen=True)
class MaskChange(OfPruned):
    """Rank by one minus the IoU of the two masks; no label is needed."""

    name: ClassVar[str] = "mask_change"
    meaning: ClassVar[str] = "How far the pruned network's mask departs from the dense network's."
    needs: ClassVar[str] = "It needs masks of a pruned level beside dense ones, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("mask_agreement",)

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return the change in [0, 1]."""
        return 1 - self.score(scores, "mask_agreement", self.level_of(scores))
