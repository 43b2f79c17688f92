"""Finds the rankings: every file of this package that has one makes it known by its name."""

from __future__ import annotations

import htl_monai.ranking
from htl_monai.ranking.ranking import Ranking
from htl_monai.settings.one_file_each import kinds_in, one_named


def rankings() -> dict[str, type[Ranking]]:
    """Return every ranking by its name, in alphabetical order."""
    return kinds_in(htl_monai.ranking, Ranking)


def ranking_named(ranking: str | Ranking) -> Ranking:
    """Return a ranking by its name, with its default options; one that is a ranking already as it is.

    Raises:
        KeyError: there is none of that name.
    """
    return ranking if isinstance(ranking, Ranking) else one_named(ranking, rankings(), "ranking", "see htl rank --list")
