"""How an arm chooses: by which ranking, and how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

import numpy as np
from xarray import Dataset

from htl_monai.data.spoken_warning import warn
from htl_monai.ranking.ranking import Ranking
from htl_monai.ranking.registry import ranking_named
from htl_monai.ranking.selection import select, wrong_amount

__all__ = ["Choice", "RankingLike"]

RankingLike = str | Ranking | Sequence[str | Ranking]
"""A ranking by its name or with its options, or several, of which the first that can be made of the scores counts."""


@dataclass(frozen=True)
class Choice:
    """Say which images an arm chooses.

    Args:
        ranking: what orders the images.
        count_as: the ranking whose rule and amount say how many are chosen, so that arms are of the same size; None
            for ``ranking`` itself.
        rule: see :func:`~htl_monai.ranking.selection.select`.
        amount: see there.
        never_learned: see there.
        beside: chooses among the images that ``count_as`` does not choose.
        level: of compression, for rankings that do not say it themselves; None for what they take by default.
        seed: for rankings that draw.
    """

    ranking: RankingLike = "relative_forgetting"
    count_as: RankingLike | None = None
    rule: str = "threshold"
    amount: float = 0.4
    never_learned: str = "exclude"
    beside: bool = False
    level: float | None = None
    seed: int = 0

    def made(self, scores: Dataset) -> Ranking:
        """Return the ranking with its options, of those that can be made; the last one where none can."""
        return self._first(self.ranking, scores)

    def counted(self, scores: Dataset) -> Ranking:
        """Return the ranking whose rule and amount say how many are chosen."""
        return self._first(self.ranking if self.count_as is None else self.count_as, scores)

    def of_arm(self, changes: Mapping[str, Any]) -> Choice:
        """Return how an arm chooses that differs in some fields: as many as this choice, unless it says otherwise."""
        return replace(self, **{"count_as": self.ranking, **changes})

    def ids(self, scores: Dataset) -> list[str]:
        """Return the ids of the chosen images, hardest first; where there are fewer than asked for, it says so.

        Raises:
            ValueError: a ranking cannot be made of the scores, or nothing is chosen.
        """
        by, counted = self.made(scores), self.counted(scores)
        found = taken = self._by_rule(scores, counted)
        count = int(self.amount) if self.rule == "count" else len(taken)
        if self.beside or by != counted:
            is_other = ~np.isin(scores["sample"].values.astype(str), taken if self.beside else [])
            found = by.choose(scores.isel(sample=is_other), len(taken), self.never_learned)
        if len(found) < count:
            warn(f"{by.name} chooses {len(found)} images instead of {count}: of no more it can say how hard they are")
        return found

    def _by_rule(self, scores: Dataset, by: Ranking) -> list[str]:
        if self.rule == "count" and wrong_amount(self.rule, self.amount) is None:
            return by.choose(scores, int(self.amount), self.never_learned)
        return select(by(scores), scores["sample"].values, self.rule, self.amount, self.never_learned)

    def described(self, scores: Dataset) -> dict[str, Any]:
        """Return what to tell of it beside its result."""
        by, counted = self.made(scores), self.counted(scores)
        how = {"rule": self.rule, "amount": self.amount, "never_learned": self.never_learned, "beside": self.beside}
        return {"ranking": by.name, "options": asdict(cast(Any, by)), "count_as": counted.name, **how}

    def _first(self, spec: RankingLike, scores: Dataset) -> Ranking:
        several = [spec] if isinstance(spec, (str, Ranking)) else list(spec)
        found = [self._with_options(ranking_named(one)) for one in several]
        return next((one for one in found if one.missing(scores) is None), found[-1])

    def _with_options(self, ranking: Ranking) -> Ranking:
        """Fill in level and seed where the ranking has such an option and leaves it at its default."""
        defaults = {field.name: field.default for field in fields(cast(Any, ranking))}
        given = {"level": self.level, "seed": self.seed}
        open_ = {name: value for name, value in given.items() if name in defaults and value is not None}
        changes = {name: value for name, value in open_.items() if getattr(ranking, name) == defaults[name]}
        return cast(Ranking, replace(cast(Any, ranking), **changes))
