"""How two quantities go together: of classes, and of pairs of classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, pearsonr, rankdata, spearmanr

from htl_monai.statistics.class_pairs import ClassPairs

_FEWEST = 4  # both intervals divide by n - 3; three classes have six permutations, and no p-value below a third
_NUMBERS = ("estimate", "low", "high", "p_value")


def correlations(
    x: ArrayLike, y: ArrayLike, x_name: str = "x", y_name: str = "y", confidence: float = 0.95
) -> pd.DataFrame:
    """Correlate two quantities, linearly (Pearson) and by rank (Spearman), with intervals.

    PruneCXR correlates the forgetting of the classes with the logarithm of their frequency. Pearson's
    interval is Fisher's; Spearman's is that of Bonett and Wright (2000), Fisher's with the variance
    (1 + r² / 2) / (n - 3). The values must be independent, as those of classes are; those of pairs of classes are not:
    see :func:`pair_correlations`.

    Args:
        x: ``(N,)``; NaN = not measured.
        y: ``(N,)``, of the same classes.
        x_name: what ``x`` is called in the table.
        y_name: what ``y`` is called in the table.

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


def pair_correlations(
    pairs: pd.DataFrame, x: str, y: str, n_permutations: int = 9999, seed: int = 0, confidence: float = 0.95
) -> pd.DataFrame:
    """Correlate two quantities of the pairs of classes, linearly (Pearson) and by rank (Spearman).

    PruneCXR correlates how differently two classes are forgotten with their difference in frequency and with how often
    they occur together. A class sits in C - 1 pairs: 15 classes give 105 pairs but no more to learn from than 15
    classes do, and a test for independent pairs calls chance significant in up to four of ten cases. The p-value is
    Mantel's: the share of the permutations of the classes that correlate as much. The interval is the jackknife's over
    the classes, on Fisher's scale, with Student's quantile. It is the more careful of the two, so that it may hold 0
    where the p-value is small.

    Args:
        pairs: one row per pair, with ``class_a``, ``class_b``, ``x`` and ``y``. A class with pairs that are not
            measured is left out.
        x: a column.
        y: another.

    Returns:
        Two rows, as :func:`correlations` returns them, with ``n`` the pairs that
        count, ``n_missing`` the others, and ``n_classes``. NaN with fewer than four classes or where a quantity is
        constant; the interval is with fewer than eight classes, too, which are too few to say.

    Raises:
        KeyError: a column is missing.
        ValueError: an option is out of range.

    Example:
        >>> pairs = pd.DataFrame({"class_a": list("aaabbc"), "class_b": list("bcdcdd")})
        >>> pairs = pairs.assign(gap=[1, 2, 3, 1, 2, 1], fcd=[1, 2, 4, 1, 3, 1])
        >>> pair_correlations(pairs, "gap", "fcd")[["method", "estimate", "p_value"]].round(3).values.tolist()
        [['pearson', 0.968, 0.083], ['spearman', 0.984, 0.083]]
    """
    found = ClassPairs.from_table(pairs, [x, y])
    n = len(found.values[x])
    rows = [
        {"x": x, "y": y, "method": method}
        | dict(zip(_NUMBERS, _correlation(found, x, y, ranked, n_permutations, seed, confidence), strict=True))
        for method, ranked in (("pearson", False), ("spearman", True))
    ]
    return pd.DataFrame(rows).assign(n=n, n_missing=len(pairs) - n, n_classes=found.n_classes)


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


def _correlation(
    pairs: ClassPairs, x: str, y: str, ranked: bool, n_permutations: int, seed: int, confidence: float
) -> tuple[float, float, float, float]:
    first, second = (rankdata(pairs.values[name]) if ranked else pairs.values[name] for name in (x, y))
    if pairs.n_classes < _FEWEST or not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return np.nan, np.nan, np.nan, np.nan
    fixed = _standardized(first[None])[0]
    r = float(np.clip(_standardized(second[None])[0] @ fixed, -1, 1))
    p_value = pairs.p_value(lambda values: _standardized(values) @ fixed, second, n_permutations, seed)

    def on_fishers_scale(values: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        one, other = (_standardized((rankdata(values[name]) if ranked else values[name])[None])[0] for name in (x, y))
        with np.errstate(divide="ignore"):
            return np.arctanh(np.clip([one @ other], -1, 1))

    with np.errstate(invalid="ignore"):
        half = float(pairs.jackknife(on_fishers_scale, confidence)[0])
        low, high = np.tanh(np.arctanh(r) + np.array([-half, half])) if abs(r) < 1 else (np.nan, np.nan)
    return r, float(low), float(high), p_value


def _standardized(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each row centred and of length 1; NaN where it is constant."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.divide(centred, length, out=np.full_like(centred, np.nan), where=length > 0)
