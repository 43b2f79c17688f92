"""Says how sure a share is, however few events it rests on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from htl_monai.statistics.subjects import subject_numbers


def share_interval(
    is_event: ArrayLike, confidence: float = 0.95, subjects: Iterable[Hashable] | None = None
) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper-Pearson), which says something of 0 in 10 and 1 in 1, too.

    Where subjects have several images, these count for as many independent ones as they are worth (Korn and Graubard
    1998). It covers at least as often as asked for.

    Args:
        is_event: ``(N,)`` of 0 and 1.
        confidence: level of the interval, in (0, 1).
        subjects: ``(N,)``, whom each image shows; None (for all or for one) = every image is a subject of its own.

    Returns:
        Lower and upper end, in [0, 1]; NaN without an image.

    Raises:
        ValueError: ``subjects`` does not fit, a value is not 0 or 1, or ``confidence`` is out of range.

    Example:
        >>> [round(end, 3) for end in share_interval([1])], [round(end, 3) for end in share_interval([1, 0, 0, 0] * 5)]
        ([0.025, 1.0], [0.087, 0.491])
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    events = np.asarray(is_event, dtype=np.float64)
    if not np.isin(events, (0, 1)).all():
        raise ValueError(f"is_event must be 0 or 1, got {events[~np.isin(events, (0, 1))][0]}; 1 marks an event")
    if not len(events):
        return np.nan, np.nan
    share = events.mean()
    n = effective_number(events, subjects)
    tail, found = (1 - confidence) / 2, share * n
    low = float(stats.beta.ppf(tail, found, n - found + 1)) if share > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, found + 1, n - found)) if share < 1 else 1.0
    return low, high


def effective_number(is_event: ArrayLike, subjects: Iterable[Hashable] | None = None) -> float:
    """Return how many independent images would leave a share as unsure as it is, at most N.

    Args:
        is_event: ``(N,)`` of 0 and 1, N > 0.
        subjects: as in :func:`share_interval`.

    Returns:
        N where every image is a subject of its own; with several images a subject, N over the design effect, from 1.
        Where all or none are events nothing tells how alike the images of a subject are: the number of subjects.

    Example:
        >>> effective_number([1, 1, 0, 0] * 9, subjects=[n // 2 for n in range(36)])
        17.0
    """
    events: NDArray[np.float64] = np.asarray(is_event, dtype=np.float64)
    numbers = subject_numbers(subjects, len(events))
    counts = np.bincount(numbers).astype(np.float64)
    n, n_subjects, share = len(events), len(counts), events.mean()
    if n_subjects == n:
        return float(n)
    if share in (0, 1) or n_subjects == 1:
        return float(n_subjects)
    left = np.bincount(numbers, weights=events - share)
    variance = n_subjects / (n_subjects - 1) * (left**2).sum() / n**2
    return float(np.clip(share * (1 - share) / variance, 1.0, n)) if variance > 0 else float(n)
