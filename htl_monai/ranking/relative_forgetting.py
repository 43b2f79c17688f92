"""Relative forgetting: the share of its score that pruning costs a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from htl_monai.ranking.forgetting import Forgetting
from htl_monai.ranking.hardness import relative_forgetting


@dataclass(frozen=True)
class RelativeForgetting(Forgetting):
    """Rank by the drop of the score as a share of the dense one, so that small lesions count as much as large ones."""

    name: ClassVar[str] = "relative_forgetting"
    meaning: ClassVar[str] = "Which share of its score the sample loses when the network is pruned."

    def drop(self, dense: NDArray[np.float64], pruned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share; NaN where the dense score is 0."""
        return relative_forgetting(dense, pruned)
