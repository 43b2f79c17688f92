"""Forgetting: what pruning costs a sample."""

from __future__ import annotations

from dataclasses import dataclass

from xarray import Dataset

from htl_monai.ranking.hardness import forgetting, hardness, is_never_learned
from htl_monai.ranking.ranking import OfPruned, Ranking, Values
from htl_monai.scores import has_labels


@dataclass(frozen=True)
class OfScore(Ranking):
    """Base of rankings by one score of how right the network is; higher = better.

    Args:
        of: the score; None takes the one that counts first in the task.
    """

    of: str | None = None

    def missing(self, scores: Dataset) -> str | None:
        """As every ranking; and the score must be there, and one against labels if it is that which counts first."""
        name = self.of_name(scores)
        if self.of is None and not has_labels(scores):
            return f"{self.needs} The samples have none: {name} compares with the dense network."
        lacks = f"{self.needs} There is no {name or 'score against labels'} among the scores."
        # What a training recorded has epochs, and is no score of a network.
        return super().missing(scores) if name in scores and "epoch" not in scores[name].dims else lacks

    def of_name(self, scores: Dataset) -> str:
        """Return the name of the score that counts."""
        return self.of or scores.attrs.get("primary", "")


@dataclass(frozen=True)
class Forgetting(OfScore, OfPruned):
    """Rank by the drop of the score (Attend Who is Weak, Algorithm 1)."""

    name = "forgetting"
    meaning = "How much of its score the sample loses when the network is pruned."
    needs = "It needs labels, and a pruned level."

    def values(self, scores: Dataset) -> Values:
        """Return the drop; infinite where the dense score is 0."""
        dense = self.score(scores, self.of_name(scores))
        pruned = self.score(scores, self.of_name(scores), self.level_of(scores))
        return hardness(self.drop(dense, pruned), is_never_learned(dense))

    def drop(self, dense: Values, pruned: Values) -> Values:
        """Return what is lost of the dense scores."""
        return forgetting(dense, pruned)
