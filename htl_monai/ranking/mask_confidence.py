"""Mask confidence: how sure the dense network is of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.of_dense import OfDense


@dataclass(frozen=True)
class MaskConfidence(OfDense):
    """Rank by one minus the confidence."""

    name: ClassVar[str] = "mask_confidence"
    meaning: ClassVar[str] = "How unsure the dense network is of what it finds."
    needs: ClassVar[str] = "It needs the dense network's probabilities, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("confidence",)

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return one minus the confidence."""
        return 1 - super().values(scores)
