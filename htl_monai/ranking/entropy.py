"""Entropy: how undecided the dense network is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.ranking.of_dense import OfDense


@dataclass(frozen=True)
class Entropy(OfDense):
    """Rank by the mean entropy of the probabilities."""

    name: ClassVar[str] = "entropy"
    meaning: ClassVar[str] = "How undecided the dense network is, over the whole sample."
    needs: ClassVar[str] = "It needs the dense network's probabilities, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("entropy",)
