"""How two quantities of the classes go together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, pearsonr, spearmanr

__all__ = ["correlations"]

_FEWEST = 4  # both intervals divide by n - 3


def correlations(
    x: ArrayLike, y: ArrayLike, x_name: str = "x", y_name: str = "y", confidence: float = 0.95
) -> pd.DataFrame:
    """Correlate two quantities, linearly (Pearson) and by rank (Spearman), with intervals.

    PruneCXR correlates the forgetting of the classes with the logarithm of their frequency. Pearson's
    interval is Fisher's; Spearman's is that of Bonett and Wright (2000), Fisher's with the variance
    (1 + r² / 2) / (n - 3). The values must be independent, as those of classes are; those of pairs of classes are not:
    see :func:`~htl_monai.analysis.pair_correlations.pair_correlations`.

    Args:
        x: ``(N,)``; NaN = not measured.
        y: ``(N,)``, of the same classes.
        x_name: what ``x`` is called in the table.
        y_name: what ``y`` is called in the table.
        confidence: level of the intervals, in (0, 1).

    Returns:
        Two rows: ``x``, ``y``, ``method`` (``pearson``, ``spearman``), ``estimate`` in [-1, 1], ``low``, ``high``,
        ``p_value`` (two-sided), ``n`` and ``n_missing`` (pairs left out for a NaN). NaN where fewer than four pairs are
        complete or one quantity is constant.

    Raises:
        ValueError: the shapes differ or are not ``(N,)``, a value is infinite, or ``confidence`` is out of range.

    Example:
        >>> correlations([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])[["method", "estimate", "n"]].round(3).values.tolist()
        [['pearson', 0.9, 5], ['spearman', 0.9, 5]]
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"{y_name} must be (N,) like {x_name}, got {second.shape} and {first.shape}; pass pairs")
    for name, values in ((x_name, first), (y_name, second)):
        if np.isinf(values).any():
            raise ValueError(f"{name} must be finite or NaN, got infinity; leave what cannot be measured NaN")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    complete = ~(np.isnan(first) | np.isnan(second))
    pairs = first[complete], second[complete]
    rows = [("pearson", *_pearson(*pairs, confidence)), ("spearman", *_spearman(*pairs, confidence))]
    table = pd.DataFrame(rows, columns=["method", "estimate", "low", "high", "p_value"])
    table.insert(0, "x", x_name)
    table.insert(1, "y", y_name)
    return table.assign(n=int(complete.sum()), n_missing=int((~complete).sum()))


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64], confidence: float) -> tuple[float, float, float, float]:
    if not _determined(x, y):
        return np.nan, np.nan, np.nan, np.nan
    result = pearsonr(x, y)
    interval = result.confidence_interval(confidence)
    return float(result.statistic), float(interval.low), float(interval.high), float(result.pvalue)


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64], confidence: float) -> tuple[float, float, float, float]:
    if not _determined(x, y):
        return np.nan, np.nan, np.nan, np.nan
    result = spearmanr(x, y)
    r = float(np.clip(result.statistic, -1, 1))
    if abs(r) == 1:
        return r, r, r, float(result.pvalue)
    half = norm.ppf((1 + confidence) / 2) * np.sqrt((1 + r**2 / 2) / (len(x) - 3))
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return r, float(low), float(high), float(result.pvalue)


def _determined(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    return len(x) >= _FEWEST and bool(np.ptp(x) > 0) and bool(np.ptp(y) > 0)
