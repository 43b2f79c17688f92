"""Average precision of every class, for many networks at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels

__all__ = ["average_precision"]


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


def _indices(mask: NDArray[np.bool_]) -> NDArray[np.intp] | slice:
    return slice(None) if mask.all() else np.flatnonzero(mask)


def _area(everyone: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """Average the precision at the scores of the positive images; both arrays are sorted upwards."""
    at_least = len(everyone) - np.searchsorted(everyone, found)
    hits = len(found) - np.searchsorted(found, found)
    return float((hits / at_least).mean())
