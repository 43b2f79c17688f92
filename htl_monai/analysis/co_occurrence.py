"""How often two findings occur in the same image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels

__all__ = ["co_occurrence_iou"]


def co_occurrence_iou(labels: ArrayLike) -> NDArray[np.float64]:
    """Return, for every pair of classes, the images with both findings over the images with either (PruneCXR).

    This is the intersection over union that the poster writes. The authors' public code divides by something else: it
    counts a class by the sum of its row in the matrix of co-occurrences, in which an image counts once for each of its
    findings. What should be the union is too large, and the value too small, the more company the two findings have.
    Its published correlations rest on those numbers; see also :func:`~htl_monai.analysis.fcd_regression.pairs_table`.

    Args:
        labels: ``(N, C)`` of 0, 1 and NaN; an image counts for a pair if both labels are known.

    Returns:
        ``(C, C)`` in [0, 1], symmetric; 1 = always together. NaN where no image has either finding.

    Raises:
        ValueError: ``labels`` is not a table of 0, 1 and NaN.

    Example:
        >>> co_occurrence_iou([[1, 1], [1, 0], [0, 1]]).round(3).tolist()
        [[1.0, 0.333], [0.333, 1.0]]
    """
    truth = checked_labels(labels)
    known = (~np.isnan(truth)).astype(np.float64)
    found = (truth == 1).astype(np.float64)
    both = found.T @ found
    first = found.T @ known
    either = first + first.T - both
    return np.divide(both, either, out=np.full_like(both, np.nan), where=either > 0)
