"""What a ranking is: it makes one number a sample of its scores, and says what that means and what it needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from htl_monai.ranking.forgetting_table import nearest_level
from htl_monai.ranking.selection import select
from htl_monai.scores import at_level, of_samples

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking(ABC):
    """Order samples by how hard they are.

    A ranking is a class in a file of this package; if it has options, they are its fields, and it is a frozen dataclass
    too. It states ``name``, ``meaning`` and ``needs`` (a sentence each), and :meth:`values`; ``variables`` are the
    scores that it reads. Scores of several seeds are averaged over them, NaN left out.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    needs: ClassVar[str]
    variables: ClassVar[tuple[str, ...]] = ()
    needs_labels: ClassVar[bool] = False

    @property
    def reads_training(self) -> bool:
        """Whether it is made of what a training recorded."""
        return any(name.startswith("dynamics_") for name in self.variables)

    def missing(self, scores: Dataset) -> str | None:
        """Say why this ranking cannot be made of these scores, in a sentence; None where it can."""
        lacking = [name for name in self.variables if name not in scores]
        return f"{self.needs} There is no {' and no '.join(lacking)} among the scores." if lacking else None

    @abstractmethod
    def values(self, scores: Dataset) -> Values:
        """Return the numbers of scores of which nothing is missing."""

    def __call__(self, scores: Dataset) -> Values:
        """Return ``(N,)``: higher = harder, inf = never learned, NaN = nothing to measure.

        Raises:
            ValueError: the scores lack what it needs.
        """
        reason = self.missing(scores)
        if reason is not None:
            raise ValueError(f"scores must do for the ranking {self.name}, got none that do: {reason}")
        return np.asarray(self.values(scores), dtype=np.float64)

    def choose(self, scores: Dataset, count: int, never_learned: str = "exclude") -> list[str]:
        """Return the ids of the ``count`` hardest samples, hardest first; see :func:`.selection.select`."""
        return select(self(scores), scores["sample"].values, "count", count, never_learned)

    def score(self, scores: Dataset, name: str, level: float = 0.0) -> Values:
        """Return a score of each sample, ``(N,)``: at a level, of the foreground classes, over the seeds."""
        return np.asarray(over_seeds(of_samples(at_level(scores, level), name)).values, dtype=np.float64)


@dataclass(frozen=True)
class OfPruned(Ranking):
    """Base of rankings that compare a pruned network with the dense one.

    Args:
        level: of compression; None takes the mined one nearest to ``usual_level``.
    """

    usual_level: ClassVar[float] = 0.7  # Attend Who is Weak

    level: float | None = None

    def missing(self, scores: Dataset) -> str | None:
        """As every ranking; and there must be a pruned level."""
        reason = super().missing(scores)
        levels = [float(level) for level in scores["level"].values]
        if reason is None and not any(level > 0 for level in levels):
            reason = f"{self.needs} Only the dense network was scored."
        if reason is None and self.level is not None and not np.isclose(levels, self.level, rtol=0, atol=1e-8).any():
            reason = f"{self.needs} It asks for level {self.level:g}; there are {', '.join(f'{v:g}' for v in levels)}."
        return reason

    def level_of(self, scores: Dataset) -> float:
        """Return the level that counts."""
        return nearest_level(scores, self.usual_level) if self.level is None else self.level


def over_seeds(values: DataArray) -> DataArray:
    """Return the mean over the seeds, where there are several."""
    return values.mean("seed") if "seed" in values.dims else values
