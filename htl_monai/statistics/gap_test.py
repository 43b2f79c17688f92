"""Tests whether two parts of the images differ in their means, where subjects may have several images."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers


def gap_test(
    values: ArrayLike, inside: ArrayLike, subjects: Iterable[Hashable] | None = None
) -> tuple[float, float, float]:
    """Test the gap between the mean of some images and the mean of the rest: Welch's test, with subjects as the draws.

    A subject's images are one draw, also where some lie inside and some outside. Where every image is a subject of its
    own this is Welch's t-test itself.

    Args:
        values: ``(N,)``, without NaN.
        inside: ``(N,)`` of booleans.
        subjects: ``(N,)``, whom each image shows; None (for all or for one) = every image is a subject of its own.

    Returns:
        The gap (inside minus outside), its standard error, and the two-sided p-value. Error and p-value are NaN where a
        side has fewer than two subjects, or where nothing varies.

    Example:
        >>> gap, error, p_value = gap_test([1.0, 2, 3, 7, 8, 9], [True] * 3 + [False] * 3)
        >>> round(gap, 2), round(error, 2), round(p_value, 4)
        (-6.0, 0.82, 0.0018)
    """
    sample, member = np.asarray(values, dtype=np.float64), np.asarray(inside, dtype=bool)
    numbers = subject_numbers(subjects, len(sample))
    sides = (member, ~member)
    if member.all() or not member.any():
        return np.nan, np.nan, np.nan
    means = [sample[side].mean() for side in sides]
    gap = float(means[0] - means[1])
    n = np.array([len(np.unique(numbers[side])) for side in sides])
    if n.min() < 2:
        return gap, np.nan, np.nan
    centred = [np.where(side, sample - mean, 0.0) / side.sum() for side, mean in zip(sides, means, strict=True)]
    sums = np.stack([np.bincount(numbers, part) for part in centred]) * np.sqrt(n / (n - 1))[:, None]
    spread, variance = (sums**2).sum(axis=1), float(((sums[0] - sums[1]) ** 2).sum())
    if variance <= resolution(sample) ** 2:
        return gap, np.nan, np.nan
    error = float(np.sqrt(variance))
    freedom = min(spread.sum() ** 2 / (spread**2 / (n - 1)).sum(), len(np.unique(numbers)) - 1)
    return gap, error, float(2 * stdtr(freedom, -abs(gap) / error))
