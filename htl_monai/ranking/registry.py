"""Finds the rankings: every file of this package that has one makes it known by its name."""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from importlib import import_module

import htl_monai.ranking
from htl_monai.ranking.ranking import Ranking


def rankings() -> dict[str, type[Ranking]]:
    """Return every ranking by its name, in alphabetical order.

    Raises:
        ValueError: two files call their rankings alike.
    """
    found: dict[str, type[Ranking]] = {}
    for file in pkgutil.iter_modules(htl_monai.ranking.__path__):
        module = import_module(f"htl_monai.ranking.{file.name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Ranking) and "name" in vars(kind):
                if found.setdefault(kind.name, kind) is not kind:
                    raise ValueError(
                        f"name of a ranking must be its own, got {kind.name!r} in {kind.__module__} and "
                        f"{found[kind.name].__module__}; rename one"
                    )
    return dict(sorted(found.items()))


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
