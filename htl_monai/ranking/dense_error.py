"""Dense error: what the network gets wrong before anything is pruned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.forgetting import OfScore


@dataclass(frozen=True)
class DenseError(OfScore):
    """Rank by one minus the dense score: the truth about which predictions are bad, where labels are known."""

    name: ClassVar[str] = "dense_error"
    meaning: ClassVar[str] = "How far the dense network's score is from 1."
    needs: ClassVar[str] = "It needs labels."
    needs_labels: ClassVar[bool] = True

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return the error in [0, 1]."""
        return 1 - self.score(scores, self.of_name(scores))
