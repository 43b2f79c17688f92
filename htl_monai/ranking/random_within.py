"""Random within a column: any samples of the same make-up as the hardest ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from xarray import Dataset

from htl_monai.ranking.random_samples import Random
from htl_monai.ranking.registry import ranking_named


@dataclass(frozen=True)
class RandomWithin(Random):
    """Draw as many samples of each value of a column as another ranking's hardest have.

    It tells whether the choice of samples matters, or only that, say, a rare diagnosis is drawn more often.

    Args:
        column: of the samples' metadata, such as ``diagnosis``.
        like: the other ranking, by name.
    """

    name = "random_within"
    meaning = "Nothing: it is drawn, with as many samples of each group as another ranking chooses."
    needs = "It needs a column of the samples' metadata, and what the other ranking needs."

    column: str = ""
    like: str = "relative_forgetting"

    @property
    def reads_training(self) -> bool:
        """Whether the other ranking does."""
        return ranking_named(self.like).reads_training

    def missing(self, scores: Dataset) -> str | None:
        """As every ranking; and the column must be there, and the other ranking possible."""
        if self.column not in scores.coords or scores[self.column].dims != ("sample",):
            return f"{self.needs} There is no column {self.column!r} among theirs."
        return ranking_named(self.like).missing(scores)

    def choose(self, scores: Dataset, count: int, never_learned: str = "exclude") -> list[str]:
        """Draw without replacement; a missing value of the column is a group too."""
        hard = ranking_named(self.like).choose(scores, count, never_learned)
        values = scores[self.column].values
        groups = pd.Series(np.where(pd.isna(values), "", values.astype(object)), index=scores["sample"].values)
        generator = np.random.default_rng(self.seed)
        drawn = [
            generator.choice(groups.index[groups == group].to_numpy(dtype=object), n, replace=False)
            for group, n in groups[hard].value_counts(sort=False).items()
        ]
        return [str(id_) for id_ in np.concatenate(drawn)]
