"""Says whether a difference between two methods holds over seeds and images, not over the images of one pair alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers
from htl_monai.statistics.two_spreads import TwoSpreads


@dataclass(frozen=True)
class SeedsAndImages:
    """A mean paired difference, how sure it is over seeds and images, and how many of each it rests on.

    Args:
        difference: mean over all measured pairs; positive = the second method scores higher.
        low: lower end of the confidence interval.
        high: upper end of the confidence interval.
        p_value: two-sided, of no difference.
        n_seeds: seeds with a measured difference.
        n_images: images with a measured difference.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n_seeds: int
    n_images: int


def seeds_and_images_interval(
    differences: ArrayLike, subjects: Sequence[Hashable] | None = None, confidence: float = 0.95
) -> SeedsAndImages:
    """Estimate a mean paired difference with an interval that would hold for other seeds and other images.

    Two networks that differ in nothing but their seed score differently on every image of a test set, so an interval
    over images calls chance significant. Here seeds and images are both random effects: the variance of the mean is
    that between the seeds plus that between the images beyond the residual, each with its own t quantile, weighted by
    their sizes (Cochran's approximation; of few seeds Satterthwaite's asks too much). Where the seeds differ, few of
    them make a wide interval. In simulation it covers 0.94 to 0.98 from two seeds on.

    Args:
        differences: ``(S, N)``, of S pairs of networks (one per seed) on the same N images; NaN = not measured.
        subjects: ``(N,)``, whom each image shows; images of one subject count as one draw. None (the whole or one
            entry) = every image is a subject of its own.

    Returns:
        The difference. Interval and p-value are NaN with less than two seeds or two subjects, and where all
        differences are alike but not 0, which leaves no spread to judge by; if all are 0, the interval is [0, 0] and
        the p-value 1.

    Raises:
        ValueError: ``differences`` is not ``(S, N)`` or infinite, ``subjects`` does not fit it, or ``confidence`` is
            out of range.

    Example:
        >>> result = seeds_and_images_interval([[0.1, 0.3, 0.2], [0.2, 0.3, 0.1], [0.0, 0.2, 0.1]])
        >>> round(result.difference, 3), round(result.low, 3), round(result.high, 3), result.n_seeds
        (0.167, -0.082, 0.415, 3)
    """
    values = _checked(differences, confidence)
    numbers = subject_numbers(subjects, values.shape[1])
    measured = np.array(~np.isnan(values))
    values, measured = values[measured.any(axis=1)], measured[measured.any(axis=1)]
    n_seeds, n_images, n = len(values), int(measured.any(axis=0).sum()), int(measured.sum())
    if not n:
        return SeedsAndImages(np.nan, np.nan, np.nan, np.nan, 0, 0)
    difference = float(values[measured].mean())
    low = high = p_value = np.nan
    sums = _sums_by_subject(np.where(measured, values - difference, 0.0), measured.any(axis=0), numbers)
    spread = _spread(sums / n)
    if spread and not values[measured].any():
        low, high, p_value = 0.0, 0.0, 1.0
    elif spread and spread.error > resolution(1.0, values):  # scores are of order one
        half = spread.half_width(confidence)
        low, high, p_value = difference - half, difference + half, spread.p_value(difference)
    return SeedsAndImages(difference, low, high, p_value, n_seeds, n_images)


def _checked(differences: ArrayLike, confidence: float) -> NDArray[np.float64]:
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"differences must be (S, N), got {values.shape}; pass one row per seed, one column per image")
    if np.isinf(values).any():
        raise ValueError("differences must be finite or NaN, got an infinite one; mark what was not measured NaN")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    return values


def _sums_by_subject(centred: NDArray[np.float64], kept: ArrayLike, numbers: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return ``(S, J)``: what each subject's images add to each seed's sum."""
    sums = np.zeros((numbers.max(initial=-1) + 1, len(centred)))
    np.add.at(sums, numbers, centred.T)
    measured = np.bincount(numbers, weights=np.asarray(kept), minlength=len(sums)) > 0
    return sums[measured].T


def _spread(sums: NDArray[np.float64]) -> TwoSpreads | None:
    """Return the variances of the mean from ``(S, J)`` of centred shares of it; None where they cannot be told."""
    n_seeds, n_subjects = sums.shape
    if n_seeds < 2 or n_subjects < 2:
        return None
    by_seed, by_subject = sums.sum(axis=1), sums.sum(axis=0)
    residual = sums - by_seed[:, None] / n_subjects - by_subject / n_seeds
    of_seeds = n_seeds / (n_seeds - 1) * (by_seed**2).sum()
    of_subjects = n_subjects / (n_subjects - 1) * (by_subject**2).sum()
    of_residual = n_seeds * n_subjects / ((n_seeds - 1) * (n_subjects - 1)) * (residual**2).sum()
    # Both hold the residual's share: it counts once.
    return TwoSpreads(float(of_seeds), float(max(of_subjects - of_residual, 0.0)), n_seeds, n_subjects)
