"""Average precision for many networks at once, and under many weightings of the images at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from htl_monai.analysis.multi_label_checks import checked_labels

_ENTRIES_AT_ONCE = 4_000_000


def average_precision(labels: ArrayLike, probabilities: ArrayLike) -> NDArray[np.float64]:
    """Measure how well each class is ranked: the area under its precision-recall curve, as scikit-learn sums it.

    PruneCXR asks it of 30 seeds × 20 sparsities × 20 classes. The area is the mean, over the images with the finding,
    of the precision at their own score, so the scores alone are sorted, not the labels with them, and one network is
    looked at at a time. Images of equal score share a threshold.

    Args:
        labels: ``(N, C)`` of 0, 1 and NaN; images whose label is NaN are left out of that class.
        probabilities: ``(..., N, C)``; any score that ranks will do.

    Returns:
        ``(...,  C)`` in (0, 1], higher = better ranked; NaN for a class without a known positive image.

    Raises:
        ValueError: the shapes do not fit, a label is not 0, 1 or NaN, or a score is NaN.

    Example:
        >>> average_precision([[1, 0], [0, 0], [1, 0]], [[0.9, 0.5], [0.8, 0.5], [0.7, 0.5]]).round(3).tolist()
        [0.833, nan]
    """
    truth = checked_labels(labels)
    scores = np.asarray(probabilities)
    if not np.issubdtype(scores.dtype, np.floating):
        scores = scores.astype(np.float64)
    if scores.shape[-2:] != truth.shape:
        raise ValueError(
            f"probabilities must be (..., N, C) with (N, C) = {truth.shape} of labels, got {scores.shape}; "
            "pass predictions of the same images and classes"
        )
    known = [_indices(~np.isnan(column)) for column in truth.T]
    positive = [np.flatnonzero(column == 1) for column in truth.T]
    result = np.full((*scores.shape[:-2], truth.shape[1]), np.nan)
    for place in np.ndindex(scores.shape[:-2]):
        columns = np.ascontiguousarray(scores[place].T)
        if np.isnan(columns.sum()) and np.isnan(columns).any():
            raise ValueError(
                f"probabilities must be numbers, got NaN for image {np.argwhere(np.isnan(columns.T))[0, 0]} "
                f"of {truth.shape[0]}; check the network's weights"
            )
        for c, column in enumerate(columns):
            if len(positive[c]):
                result[(*place, c)] = _area(np.sort(column[known[c]]), np.sort(column[positive[c]]))
    return result


def weighted_average_precision(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Return the average precision of one class for each of ``B`` weightings of the images.

    The images are ordered once. Precision counts only where recall rises, so that all that lies between two thresholds
    with a positive image is one sum, and all sums of all weightings are one sparse matrix product. It equals
    scikit-learn's ``average_precision_score`` with ``sample_weight``, ties included.

    Args:
        labels: ``(N,)`` of 0 and 1; all known.
        probabilities: ``(N,)``; any scores that rank the images will do.
        weights: ``(N, B)``, not negative; a bootstrap counts how often each image was drawn.

    Returns:
        ``(B,)`` in [0, 1]; NaN where no positive image has a weight.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> weighted_average_precision([1, 0, 1], [0.9, 0.8, 0.7], [[1, 0], [1, 3], [1, 1]]).round(4).tolist()
        [0.8333, 0.25]
    """
    positive, scores = np.asarray(labels) == 1, np.asarray(probabilities)
    weight = np.asarray(weights)
    if positive.ndim != 1 or positive.shape != scores.shape or weight.ndim != 2 or len(weight) != len(positive):
        raise ValueError(
            f"labels and probabilities must be (N,) and weights (N, B), got {positive.shape}, {scores.shape} and "
            f"{weight.shape}; pass those of the same images"
        )
    thresholds = np.unique(scores[positive])  # ascending
    # An image counts from the highest threshold that it reaches; the lowest place is last. Below all of them: never.
    place = len(thresholds) - np.searchsorted(thresholds, scores, side="right")
    everyone = _summing(place, place < len(thresholds), len(thresholds))
    positives = _summing(place, positive, len(thresholds))
    at_once = max(1, _ENTRIES_AT_ONCE // max(1, len(thresholds)))
    parts = [
        _from_sums(everyone @ weight[:, start : start + at_once], positives @ weight[:, start : start + at_once])
        for start in range(0, weight.shape[1], at_once)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _indices(mask: NDArray[np.bool_]) -> NDArray[np.intp] | slice:
    return slice(None) if mask.all() else np.flatnonzero(mask)


def _area(everyone: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """Average the precision at the scores of the positive images; both arrays are sorted upwards."""
    at_least = len(everyone) - np.searchsorted(everyone, found)
    hits = len(found) - np.searchsorted(found, found)
    return float((hits / at_least).mean())


def _summing(place: NDArray[np.int64], takes_part: NDArray[np.bool_], n_places: int) -> sparse.csr_array:
    """Return the matrix ``(n_places, N)`` that sums the weights of the images at each place."""
    images = np.flatnonzero(takes_part)
    ones = np.ones(len(images), dtype=np.float32)
    return sparse.csr_array((ones, (place[images], images)), shape=(n_places, len(place)))


def _from_sums(everyone: NDArray[np.floating], positives: NDArray[np.floating]) -> NDArray[np.float64]:
    seen = np.cumsum(everyone, axis=0, dtype=np.float64)
    hits = np.cumsum(positives, axis=0, dtype=np.float64)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    total = hits[-1] if len(hits) else np.zeros(everyone.shape[1])
    area = (precision * positives).sum(axis=0)
    return np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0)
