"""Pairs of classes: how differently they are forgotten, and what might explain that (PruneCXR)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

from htl_monai.analysis.multi_label_checks import checked_labels


def forgettability_dissimilarity(curves: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare the forgettability curves of every pair of classes.

    PruneCXR's text defines the dissimilarity as a mean squared error, its code takes the Euclidean distance; both are
    given.

    Args:
        curves: ``(K - 1, C)``, one curve a class.

    Returns:
        the mean squared error ``(C, C)``, and the Euclidean distance ``(C, C)``, which is ``sqrt((K - 1) * mse)``.
        Both are 0 or more; 0 = forgotten alike. NaN for a class that cannot be measured, also with itself.

    Raises:
        ValueError: ``curves`` is not ``(K - 1, C)`` with a curve in it.

    Example:
        >>> mse, euclidean = forgettability_dissimilarity([[0.0, -0.3], [-0.1, -0.5]])
        >>> mse.round(3).tolist(), euclidean.round(3).tolist()
        ([[0.0, 0.125], [0.125, 0.0]], [[0.0, 0.5], [0.5, 0.0]])
    """
    values = np.asarray(curves, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"curves must be (K - 1, C) with a curve in it, got {values.shape}; pass one column per class")
    euclidean = squareform(pdist(values.T)) if values.shape[1] > 1 else np.zeros((1, 1))
    np.fill_diagonal(euclidean, np.where(np.isnan(values).any(axis=0), np.nan, 0.0))
    return euclidean**2 / len(values), euclidean


def co_occurrence_iou(labels: ArrayLike) -> NDArray[np.float64]:
    """Return, for every pair of classes, the images with both findings over the images with either (PruneCXR).

    This is the intersection over union that the poster writes. The authors' public code divides by something else: it
    counts a class by the sum of its row in the matrix of co-occurrences, in which an image counts once for each of its
    findings. What should be the union is too large, and the value too small, the more company the two findings have.
    Its published correlations rest on those numbers; see also :func:`class_pairs_table`.

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


def class_pairs_table(classes: Sequence[str], curves: ArrayLike, n_test: ArrayLike, iou: ArrayLike) -> pd.DataFrame:
    """Tabulate every pair of classes: how differently it is forgotten, and what might explain that.

    PruneCXR's public code takes row sums of the matrix of co-occurrences for the frequencies, too: an image counts
    there once for each of its findings; here ``n_test`` counts images.

    Args:
        classes: the ``C`` names.
        curves: ``(K - 1, C)``, the forgettability curves.
        n_test: how many test images have each class, ``(C,)``.
        iou: ``(C, C)`` of :func:`co_occurrence_iou`.

    Returns:
        One row per pair, C (C - 1) / 2 in all: ``class_a``, ``class_b``, ``fcd_mse``, ``fcd_euclidean``,
        ``delta_log_frequency`` (absolute difference of the natural logarithms of ``n_test``), ``iou`` and ``iou_root4``
        (its fourth root, which PruneCXR regresses on). NaN where a class has no test image or no curve.

    Raises:
        ValueError: the shapes do not fit or a count is negative.

    Example:
        >>> pairs = class_pairs_table(["Mass", "Hernia"], [[0.0, -0.5]], [80, 10], [[1, 0.0625], [0.0625, 1]])
        >>> pairs.round(3).values.tolist()
        [['Mass', 'Hernia', 0.25, 0.5, 2.079, 0.062, 0.5]]
    """
    mse, euclidean = forgettability_dissimilarity(curves)
    counts, together = np.asarray(n_test, dtype=np.float64), np.asarray(iou, dtype=np.float64)
    n = len(classes)
    if len(mse) != n or counts.shape != (n,) or together.shape != (n, n):
        raise ValueError(
            f"curves, n_test and iou must be of the {n} classes, got {len(mse)} curves, n_test {counts.shape} and iou "
            f"{together.shape}; pass those of the same predictions"
        )
    if (counts < 0).any():
        raise ValueError(f"n_test must be 0 or more, got {counts.min():g}; count the positive test images")
    log_frequency = np.log(counts, out=np.full(n, np.nan), where=counts > 0)
    a, b = np.array(list(combinations(range(n), 2)), dtype=np.intp).reshape(-1, 2).T
    names = np.array(classes, dtype=object)
    return pd.DataFrame(
        {
            "class_a": names[a],
            "class_b": names[b],
            "fcd_mse": mse[a, b],
            "fcd_euclidean": euclidean[a, b],
            "delta_log_frequency": np.abs(log_frequency[a] - log_frequency[b]),
            "iou": together[a, b],
            "iou_root4": together[a, b] ** 0.25,
        }
    )
