"""Corrects the p-values of a table for their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values after Holm's correction, which holds however the tests depend on each other.

    Args:
        p_values: ``(N,)`` in [0, 1]; NaN = not tested, and not counted.

    Returns:
        ``(N,)``, each at least as large as before; NaN where there was no test.

    Example:
        >>> holm([0.01, 0.04, float("nan")]).round(3).tolist()
        [0.02, 0.04, nan]
    """
    values = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(values.shape, np.nan)
    tested = ~np.isnan(values)
    # By hand: statsmodels' multipletests collects the garbage of the whole process, which takes longer than all else.
    order = np.argsort(values[tested])
    stepped = np.maximum.accumulate(values[tested][order] * np.arange(len(order), 0, -1))
    corrected[tested] = np.minimum(stepped, 1.0)[np.argsort(order)]
    return corrected
