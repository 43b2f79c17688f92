"""Average precision under many weightings of the images at once, which is what a bootstrap asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

__all__ = ["weighted_average_precision"]

_ENTRIES_AT_ONCE = 4_000_000


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
