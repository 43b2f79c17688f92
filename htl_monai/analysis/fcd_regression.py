"""What makes two classes be forgotten differently: the gap between their frequencies, and how often they co-occur."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.dissimilarity import forgettability_dissimilarity

__all__ = ["pairs_table", "regress_fcd"]

_TERMS = ("intercept", "delta_log_frequency", "iou_root4", "delta_log_frequency:iou_root4")


def pairs_table(classes: Sequence[str], curves: ArrayLike, n_test: ArrayLike, iou: ArrayLike) -> pd.DataFrame:
    """Tabulate every pair of classes: how differently it is forgotten, and what might explain that.

    Args:
        classes: the ``C`` names.
        curves: ``(K - 1, C)``, the forgettability curves.
        n_test: how many test images have each class, ``(C,)``.
        iou: ``(C, C)`` of :func:`~htl_monai.analysis.co_occurrence.co_occurrence_iou`.

    Returns:
        One row per pair, C (C - 1) / 2 in all: ``class_a``, ``class_b``, ``fcd_mse``, ``fcd_euclidean``,
        ``delta_log_frequency`` (absolute difference of the natural logarithms of ``n_test``), ``iou`` and ``iou_root4``
        (its fourth root, which paper 2 regresses on). NaN where a class has no test image or no curve.

    Raises:
        ValueError: the shapes do not fit or a count is negative.

    Example:
        >>> pairs = pairs_table(["Mass", "Hernia"], [[0.0, -0.5]], [80, 10], [[1, 0.0625], [0.0625, 1]])
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


def regress_fcd(pairs: pd.DataFrame, response: str = "fcd_euclidean", confidence: float = 0.95) -> pd.DataFrame:
    """Fit the dissimilarity on the frequency gap, the co-occurrence and their interaction by ordinary least squares.

    A class sits in many pairs, so the pairs are not independent: read the intervals as paper 2 does, not as those of
    independent observations.

    Args:
        pairs: the table of :func:`pairs_table`; rows with a NaN are left out and counted.
        response: the column to explain, ``fcd_euclidean`` or ``fcd_mse``.
        confidence: level of the intervals, in (0, 1).

    Returns:
        One row a term (``intercept``, ``delta_log_frequency``, ``iou_root4``, ``delta_log_frequency:iou_root4``):
        ``response``, ``term``, ``estimate``, ``low``, ``high``, ``p_value``, ``r_squared``, ``n`` and ``n_missing``.
        NaN where the pairs do not determine the fit: less than five of them, or predictors that are collinear.

    Raises:
        KeyError: a column is missing.
        ValueError: ``confidence`` lies outside (0, 1).

    Example:
        >>> pairs = pd.DataFrame({"delta_log_frequency": [0, 1, 2, 0, 1, 2], "iou_root4": [0, 0, 0, 1, 1, 1]})
        >>> pairs["fcd_euclidean"] = 1 + 2 * pairs["delta_log_frequency"] - pairs["iou_root4"]
        >>> regress_fcd(pairs)["estimate"].abs().round(6).tolist()
        [1.0, 2.0, 1.0, 0.0]
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    needed = [response, *_TERMS[1:3]]
    missing = [column for column in needed if column not in pairs]
    if missing:
        raise KeyError(
            f"pairs must have the columns {missing}, got {list(pairs.columns)}; pass what pairs_table returns"
        )
    complete = pairs[needed].astype(np.float64).dropna()
    gap, together = (complete[name].to_numpy() for name in _TERMS[1:3])
    predictors = np.column_stack([np.ones(len(complete)), gap, together, gap * together])
    return pd.DataFrame(
        {
            "response": response,
            "term": _TERMS,
            **_fit(complete[response].to_numpy(), predictors, 1 - confidence),
            "n": len(complete),
            "n_missing": len(pairs) - len(complete),
        }
    )


def _fit(response: NDArray[np.float64], predictors: NDArray[np.float64], alpha: float) -> dict[str, NDArray | float]:
    n, n_terms = predictors.shape
    if n <= n_terms or np.linalg.matrix_rank(predictors) < n_terms:
        nothing = np.full(n_terms, np.nan)
        return dict.fromkeys(("estimate", "low", "high", "p_value"), nothing) | {"r_squared": np.nan}
    fit = sm.OLS(response, predictors).fit()
    low, high = fit.conf_int(alpha).T
    return {"estimate": fit.params, "low": low, "high": high, "p_value": fit.pvalues, "r_squared": fit.rsquared}
