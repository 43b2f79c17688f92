"""How differently two classes are forgotten (PruneCXR: forgettability curve dissimilarity, FCD)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

__all__ = ["forgettability_dissimilarity"]


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
