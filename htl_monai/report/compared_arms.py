"""Which arms of a run are held against which others."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["pairs_of"]


def pairs_of(arms: Sequence[str], reference: str = "dense") -> list[tuple[str, str]]:
    """Return each arm with the reference, then the first of them with each of the rest.

    Example:
        >>> pairs_of(["dense", "htl", "random", "loss"])
        [('htl', 'dense'), ('random', 'dense'), ('loss', 'dense'), ('htl', 'random'), ('htl', 'loss')]
    """
    others = [arm for arm in arms if arm != reference]
    return [(arm, reference) for arm in others] + [(others[0], arm) for arm in others[1:]]
