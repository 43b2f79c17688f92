"""Entropy per predicted area: how undecided the dense network is, whatever the size of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.ranking.of_dense import OfDense


@dataclass(frozen=True)
class EntropyPerArea(OfDense):
    """Rank by the entropy in relation to the predicted area."""

    name: ClassVar[str] = "entropy_per_area"
    meaning: ClassVar[str] = "How undecided the dense network is, in relation to the area that it predicts."
    needs: ClassVar[str] = "It needs the dense network's probabilities of masks, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("entropy_per_area",)
