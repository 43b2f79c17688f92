"""Box change: how far the pruned network's box departs from the dense one's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.hardness import hardness
from htl_monai.ranking.ranking import OfPruned

# An edge of a box: a fraction of the picture, or pixels of the original image.
_EDGES = ("x_min", "x_min_px")


@dataclass(frozen=True)
class BoxChange(OfPruned):
    """Rank by one minus the IoU of the two boxes (Attend Who is Weak, Algorithm 2); no label is needed."""

    name: ClassVar[str] = "box_change"
    meaning: ClassVar[str] = "How far the pruned network's box departs from the dense network's."
    needs: ClassVar[str] = "It needs boxes of a pruned level beside dense ones, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("box_agreement",)

    def values(self, scores: Dataset) -> NDArray[np.float64]:
        """Return the change in [0, 1]; infinite where the dense network draws no box."""
        change = 1 - self.score(scores, "box_agreement", self.level_of(scores))
        edge = next((self.score(scores, name) for name in _EDGES if name in scores), None)
        return change if edge is None else hardness(change, np.isnan(edge) & ~np.isnan(change))
