"""What the analysis of a multi-label classifier asks of its inputs: 0/1/NaN labels, seeds × sparsities × classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_labels(labels: ArrayLike, classes: Sequence[str] | None = None) -> NDArray[np.float64]:
    """Return the labels as floats after a check that they are a table of 0, 1 and NaN (unknown).

    Args:
        labels: ``(N, C)``; 1 = the image has the finding, 0 = it has not, NaN = unknown.
        classes: the ``C`` names, where they are needed.

    Raises:
        ValueError: ``labels`` is no such table, or ``classes`` has another length.

    Example:
        >>> checked_labels([[True, False]]).tolist()
        [[1.0, 0.0]]
    """
    found = np.asarray(labels, dtype=np.float64)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"labels must be (N, C) with N, C > 0, got {found.shape}; pass one row per image")
    odd = found[~(np.isnan(found) | (found == 0) | (found == 1))]
    if len(odd):
        raise ValueError(f"labels must be 0, 1 or NaN for unknown, got {odd[0]:g}; round soft labels first")
    if classes is not None and len(classes) != found.shape[1]:
        raise ValueError(
            f"classes must name the {found.shape[1]} columns of labels, got {len(classes)} names; pass one per class"
        )
    return found


def checked_ap(ap: ArrayLike, sparsities: Sequence[float] | None = None) -> NDArray[np.float64]:
    """Return average precisions as floats after a check of their axes: seed, sparsity (the first is dense), class.

    Args:
        ap: ``(R, K, C)`` in [0, 1]; NaN for a class that cannot be measured.
        sparsities: the ``K`` sparsities, ascending from 0, where they are needed.

    Raises:
        ValueError: ``ap`` has another shape or range, or ``sparsities`` another length, order or start.

    Example:
        >>> checked_ap([[[0.5], [0.25]]], (0.0, 0.9)).shape
        (1, 2, 1)
    """
    found = np.asarray(ap, dtype=np.float64)
    if found.ndim != 3 or not found.size:
        raise ValueError(f"ap must be (R, K, C) with R, K, C > 0, got {found.shape}; pass seeds × sparsities × classes")
    if (found < 0).any() or (found > 1).any():
        raise ValueError(f"ap must be in [0, 1], got {found[(found < 0) | (found > 1)][0]:g}; pass fractions")
    if sparsities is not None:
        steps = np.asarray(sparsities, dtype=np.float64)
        if len(steps) != found.shape[1] or steps[0] != 0 or (np.diff(steps) <= 0).any():
            raise ValueError(
                f"sparsities must be the {found.shape[1]} of ap, ascending from 0, got {steps.tolist()}; "
                "mine the dense network (0) too"
            )
    return found
