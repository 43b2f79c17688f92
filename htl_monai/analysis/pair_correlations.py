"""How two quantities of pairs of classes go together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from htl_monai.statistics.class_pairs import ClassPairs

__all__ = ["pair_correlations"]

_FEWEST = 4  # three classes have six permutations, and no p-value below a third
_NUMBERS = ("estimate", "low", "high", "p_value")


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
        n_permutations: of the classes; if there are no more than that, all are made.
        seed: of the permutations.
        confidence: level of the intervals, in (0, 1).

    Returns:
        Two rows, as :func:`~htl_monai.analysis.correlations.correlations` returns them, with ``n`` the pairs that
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
    missing = [column for column in ("class_a", "class_b", x, y) if column not in pairs]
    if missing:
        raise KeyError(f"pairs must have the columns {missing}, got {list(pairs.columns)}; pass what pairs_table gives")
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}; 9999 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    found = ClassPairs.from_table(pairs, [x, y])
    n = len(found.values[x])
    rows = [
        {"x": x, "y": y, "method": method}
        | dict(zip(_NUMBERS, _correlation(found, x, y, ranked, n_permutations, seed, confidence), strict=True))
        for method, ranked in (("pearson", False), ("spearman", True))
    ]
    return pd.DataFrame(rows).assign(n=n, n_missing=len(pairs) - n, n_classes=found.n_classes)


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
