"""Finds the rankings: every file of this package that has one makes it known by its name."""

from __future__ import annotations

from difflib import get_close_matches

import htl_monai.ranking
from htl_monai.ranking.ranking import Ranking
from htl_monai.settings.one_file_each import kinds_in


def rankings() -> dict[str, type[Ranking]]:
    """Return every ranking by its name, in alphabetical order."""
    return kinds_in(htl_monai.ranking, Ranking)


def ranking_named(ranking: str | Ranking) -> Ranking:
    """Return a ranking by its name, with its default options; one that is a ranking already as it is.

    Raises:
        KeyError: there is none of that name.
    """
    if isinstance(ranking, Ranking):
        return ranking
    known = rankings()
    if not isinstance(ranking, str) or ranking not in known:
        near = get_close_matches(ranking, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "see htl rank --list"
        raise KeyError(f"ranking must be one of {', '.join(known)}, got {ranking!r}; {hint}")
    return known[ranking]()
