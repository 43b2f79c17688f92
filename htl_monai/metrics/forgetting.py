"""Forgetting: what pruning costs an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["forgetting", "relative_forgetting"]


def forgetting(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.float64]:
    """Return how much of the dense network's score the pruned network lost: ``dense - pruned``.

    Paper 1, Algorithm 1, line 4 prints the opposite sign, which would select the images that improve.

    Args:
        dense: scores of the dense network, any shape; numbers, tensors on the CPU or pandas columns (taken by position,
            not by index).
        pruned: scores of the pruned network, of the same shape.

    Returns:
        Float64 of that shape; higher = harder, negative = improved, NaN where either score is NaN.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> forgetting([0.75, 0.5], [0.25, 0.5]).tolist()
        [0.5, 0.0]
    """
    dense, pruned = _aligned(dense, pruned)
    return dense - pruned


def relative_forgetting(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.float64]:
    """Return the fraction of the dense network's score that the pruned network lost: ``(dense - pruned) / dense``.

    Args:
        dense: scores of the dense network, at least 0, of any shape.
        pruned: scores of the pruned network, of the same shape.

    Returns:
        Float64 of that shape; higher = harder, 1 = all is forgotten. NaN where either score is NaN and where the
        dense one is 0: nothing was learned there that could be forgotten.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> relative_forgetting([0.75, 0.5, 0.0], [0.25, 0.5, 0.0]).round(3).tolist()
        [0.667, 0.0, nan]
    """
    dense, pruned = _aligned(dense, pruned)
    learned = np.where(dense == 0, np.nan, dense)
    return (dense - pruned) / learned


def _aligned(dense: ArrayLike, pruned: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    dense, pruned = np.asarray(dense, dtype=np.float64), np.asarray(pruned, dtype=np.float64)
    if dense.shape != pruned.shape:
        raise ValueError(
            f"pruned must have the shape of dense, {dense.shape}, got {pruned.shape}; score the same images twice"
        )
    return dense, pruned
