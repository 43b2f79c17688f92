"""Loss: what the dense network was trained to make small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.ranking.of_dense import OfDense


@dataclass(frozen=True)
class Loss(OfDense):
    """Rank by the loss."""

    name: ClassVar[str] = "loss"
    meaning: ClassVar[str] = "The dense network's loss of the sample."
    needs: ClassVar[str] = "It needs labels, and a task that scores the loss."
    needs_labels: ClassVar[bool] = True
    variables: ClassVar[tuple[str, ...]] = ("loss",)
