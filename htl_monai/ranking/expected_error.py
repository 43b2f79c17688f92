"""Expected error: what the dense network gets wrong if its probabilities are true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.ranking.of_dense import OfDense


@dataclass(frozen=True)
class ExpectedError(OfDense):
    """Rank by the error that the probabilities imply."""

    name: ClassVar[str] = "expected_error"
    meaning: ClassVar[str] = "The error that the dense network's own probabilities lead one to expect."
    needs: ClassVar[str] = "It needs the dense network's probabilities, and no labels."
    variables: ClassVar[tuple[str, ...]] = ("expected_error",)
