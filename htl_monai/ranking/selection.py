"""Chooses samples by the numbers of a ranking, and as many random ones to compare with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

RULES = ("threshold", "top", "count")
NEVER_LEARNED = ("exclude", "include", "only")
"""What becomes of samples that the dense network never learned: left out, the hardest of all, or chosen alone."""


def select(
    values: ArrayLike,
    ids: Sequence[str] | NDArray[np.object_],
    rule: str = "threshold",
    amount: float = 0.4,
    never_learned: str = "exclude",
) -> list[str]:
    """Return the ids of the hard-to-learn samples, hardest first (Attend Who is Weak, Algorithm 1, line 4).

    Args:
        values: of any ranking, ``(N,)``; higher = harder, infinite = never learned, NaN = nothing to measure.
        ids: of the samples.
        rule: ``threshold`` takes the samples that reach ``amount`` (the paper reports those that lose 40 %); ``top``
            takes the fraction ``amount`` of the measured samples, at least one; ``count`` takes ``amount`` of them.
        amount: see ``rule``.
        never_learned: what becomes of samples that the dense network never learned. ``exclude`` leaves them out, as the
            paper does, which can say of none of them what it lost; ``include`` ranks them before all others, and they
            reach every threshold; ``only`` chooses among them alone.

    Returns:
        Ids by falling values; ties keep their order. Samples with nothing to measure are never chosen.

    Raises:
        ValueError: an unknown rule or choice, an amount outside its range, a sample that is there twice, or no sample
            chosen.

    Example:
        >>> select([0.1, 0.5, float("inf"), 0.4], ["a", "b", "c", "d"])
        ['b', 'd']
    """
    check_rule(rule, amount, never_learned)
    hard = pd.Series(np.asarray(values, dtype=np.float64), index=pd.Index(ids, dtype=object))
    if repeated := hard.index.duplicated().sum():
        raise ValueError(f"ids must be unique, got {repeated} repeated; keep the samples of one level")
    ranked = _ranked(hard, never_learned)
    if rule == "threshold":
        chosen = ranked[ranked >= amount]
    else:
        chosen = ranked.head(_share_of(len(ranked), amount) if rule == "top" else int(amount))
    if chosen.empty:
        raise ValueError(
            f"amount must leave at least one sample, got {amount} for rule {rule} while the largest value is "
            f"{ranked.max():.3f}; lower it, choose a higher level, or use rule top"
        )
    return [str(id_) for id_ in chosen.index]


def select_random(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` ids, drawn without replacement: what any fine-tuning gains (Attend Who is Weak, Baseline 4).

    Raises:
        ValueError: ``count`` is larger than the number of ids.
    """
    if count > len(ids):
        raise ValueError(f"count must be at most {len(ids)}, the number of images, got {count}; ask for fewer")
    return [str(id_) for id_ in np.random.default_rng(seed).choice(np.asarray(ids, dtype=object), count, replace=False)]


def top_share(values: ArrayLike, share: float) -> NDArray[np.bool_]:
    """Return which samples are the hardest share of the measured ones: at least one, none where none is measured.

    Raises:
        ValueError: ``share`` is not in (0, 1].

    Example:
        >>> top_share([0.1, 0.9, float("nan"), 0.9], share=0.3).tolist()
        [False, True, False, False]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}; 0.05 means 5 % of the samples")
    hard = np.asarray(values, dtype=np.float64)
    measured = np.flatnonzero(~np.isnan(hard))
    chosen = np.zeros(len(hard), dtype=bool)
    if len(measured):
        order = np.argsort(-hard[measured], kind="stable")
        chosen[measured[order[: _share_of(len(measured), share)]]] = True
    return chosen


def check_rule(rule: str, amount: float, never_learned: str) -> None:
    """Refuse what :func:`select` cannot choose by.

    Raises:
        ValueError: an unknown rule or choice, or an amount outside its range.
    """
    for name, value, known in (("rule", rule, RULES), ("never_learned", never_learned, NEVER_LEARNED)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}; choose one of them")
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise ValueError(f"amount must be a number, got {amount!r}; write 0.4, for example")
    problem = None if rule == "threshold" else wrong_amount(rule, amount)  # not every ranking ends at 1
    if problem is not None:
        raise ValueError(problem)


def wrong_amount(rule: str, amount: float, before: str = "") -> str | None:
    """Say what is wrong with the amount of a rule of :data:`RULES`, in a sentence; None where nothing is.

    Args:
        rule: see :func:`select`.
        amount: see :func:`select`; a threshold is one of relative forgetting.
        before: stands before the names of the two, such as ``labelled_``.

    Example:
        >>> wrong_amount("top", 20)
        'amount must be in (0, 1] for rule top, got 20; give the fraction of images to take, or take rule count'
    """
    good, must = 0 < amount <= 1, "in (0, 1]"
    if rule == "count":
        good, must = amount >= 1 and amount == int(amount), "a whole number from 1"
    do = {
        "count": "give a number of images, or take rule top",
        "top": "give the fraction of images to take, or take rule count",
        "threshold": "give the forgetting from which on an image is taken",
    }
    return None if good else f"{before}amount must be {must} for {before}rule {rule}, got {amount:g}; {do[rule]}"


def _share_of(n: int, share: float) -> int:
    return max(1, round(share * n))


def _ranked(hard: pd.Series, never_learned: str) -> pd.Series:
    """Return the values of the samples that may be chosen, hardest first, by id."""
    n, hard = len(hard), hard.dropna()
    unlearned = hard == np.inf
    taken = {"exclude": ~unlearned, "include": hard.notna(), "only": unlearned}[never_learned]
    if not taken.any():
        wanted, advice = (
            ("that was never learned", "set never_learned to include or exclude")
            if never_learned == "only"
            else ("that can be measured", "train longer, or look at the validation score")
        )
        raise ValueError(
            f"values must have an image {wanted}, got none of {n}, of which the dense network finds nothing in "
            f"{int(unlearned.sum())}; {advice}"
        )
    return hard[taken].sort_values(ascending=False, kind="stable")
