"""Tells a spread from the rounding of the numbers that it was computed of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_STEPS = 64  # a mean of differences of scores is the work of some dozen roundings


def resolution(*values: ArrayLike) -> float:
    """Return how far two numbers computed from ``values`` may lie apart though they are the same.

    Two seeds that both lose 1e-12 differ by rounding alone: no spread is there to test by, and Student's t of it would
    be infinite, its p-value 0.

    Args:
        values: scores, of any shapes, before they are subtracted; NaN does not count.

    Returns:
        64 steps of the largest magnitude among them; 0 without a value.

    Example:
        >>> abs((0.1 + 0.2) - 0.3) <= resolution([0.1, 0.2, 0.3])
        True
    """
    arrays = [np.asarray(part, dtype=np.float64) for part in values]
    largest = [float(np.nanmax(np.abs(array), initial=0.0)) for array in arrays if not np.isnan(array).all()]
    return float(_STEPS * np.finfo(np.float64).eps * max(largest, default=0.0))
