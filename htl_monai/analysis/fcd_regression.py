"""What makes two classes be forgotten differently: the gap between their frequencies, and how often they co-occur."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.statistics.class_pairs import ClassPairs

_TERMS = ("intercept", "delta_log_frequency", "iou_root4", "delta_log_frequency:iou_root4")


def regress_fcd(
    pairs: pd.DataFrame,
    response: str = "fcd_euclidean",
    confidence: float = 0.95,
    n_permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit the dissimilarity on the frequency gap, the co-occurrence and their interaction by ordinary least squares.

    A class sits in many pairs, so the pairs are not independent. The p-value of a term is that of a quadratic
    assignment procedure (MRQAP; double semi-partialing, Dekker, Krackhardt & Snijders 2007): what the other terms leave
    of it is permuted by class, and its t compared with those of the permutations. The intervals are the jackknife's
    over the classes, with Student's quantile.

    Args:
        pairs: what ``class_pairs_table`` returns. A class with pairs that are not measured (NaN) is left out.
        response: the column to explain, ``fcd_euclidean`` or ``fcd_mse``.

    Returns:
        One row a term (``intercept``, ``delta_log_frequency``, ``iou_root4``, ``delta_log_frequency:iou_root4``):
        ``response``, ``term``, ``estimate``, ``low``, ``high``, ``p_value`` (NaN for the intercept, which no
        permutation tests), ``r_squared``, ``n`` (pairs), ``n_missing`` and ``n_classes``. NaN where the pairs do not
        determine the fit: less than five of them, or predictors that are collinear; intervals are NaN with fewer than
        eight classes, too, which are too few to say.

    Raises:
        KeyError: a column is missing.
        ValueError: ``confidence`` or ``n_permutations`` is out of range.

    Example:
        >>> pairs = pd.DataFrame({"class_a": list("aaabbc"), "class_b": list("bcdcdd")})
        >>> pairs = pairs.assign(delta_log_frequency=[0, 1, 2, 0, 1, 2], iou_root4=[0, 0, 0, 1, 1, 1])
        >>> pairs["fcd_euclidean"] = 1 + 2 * pairs["delta_log_frequency"] - pairs["iou_root4"]
        >>> regress_fcd(pairs)["estimate"].abs().round(6).tolist()
        [1.0, 2.0, 1.0, 0.0]
    """
    found = ClassPairs.from_table(pairs, [response, *_TERMS[1:3]])
    n = len(found.values[response])
    return pd.DataFrame(
        {
            "response": response,
            "term": _TERMS,
            **_fit(found, response, confidence, n_permutations, seed),
            "n": n,
            "n_missing": len(pairs) - n,
            "n_classes": found.n_classes,
        }
    )


def _fit(
    pairs: ClassPairs, response: str, confidence: float, n_permutations: int, seed: int
) -> dict[str, NDArray | float]:
    explained, predictors = pairs.values[response], _predictors(pairs.values)
    if not _determined(predictors):
        nothing = np.full(len(_TERMS), np.nan)
        return dict.fromkeys(("estimate", "low", "high", "p_value"), nothing) | {"r_squared": np.nan}
    estimate = _coefficients(predictors, explained)
    half = pairs.jackknife(lambda values: _coefficients(_predictors(values), values[response]), confidence)
    p_values = [np.nan]
    for k in range(1, len(_TERMS)):
        others, _ = np.linalg.qr(np.delete(predictors, k, axis=1))
        left = predictors[:, k] - others @ (others.T @ predictors[:, k])
        p_values.append(pairs.p_value(partial(_t, others, explained), left, n_permutations, seed))
    residual = explained - predictors @ estimate
    total = ((explained - explained.mean()) ** 2).sum()
    return {
        "estimate": estimate,
        "low": estimate - half,
        "high": estimate + half,
        "p_value": np.array(p_values),
        "r_squared": 1 - float((residual**2).sum() / total) if total > 0 else np.nan,
    }


def _predictors(values: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    gap, together = (values[name] for name in _TERMS[1:3])
    return np.column_stack([np.ones(len(gap)), gap, together, gap * together])


def _determined(predictors: NDArray[np.float64]) -> bool:
    n, n_terms = predictors.shape
    return n > n_terms and bool(np.linalg.matrix_rank(predictors) == n_terms)


def _coefficients(predictors: NDArray[np.float64], explained: NDArray[np.float64]) -> NDArray[np.float64]:
    if not _determined(predictors):
        return np.full(predictors.shape[1], np.nan)
    return np.asarray(np.linalg.lstsq(predictors, explained, rcond=None)[0])


def _t(others: NDArray[np.float64], explained: NDArray[np.float64], term: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Student's t of a term beside the others (an orthonormal basis), for each of ``(P, pairs)`` of it."""
    response = explained - others @ (others.T @ explained)
    beyond = term - (term @ others) @ others.T
    size = (beyond**2).sum(axis=1)
    slope = np.divide(beyond @ response, size, out=np.zeros(len(size)), where=size > 0)
    left = np.maximum(response @ response - slope**2 * size, np.finfo(np.float64).tiny)
    return np.asarray(slope * np.sqrt(size * (len(explained) - others.shape[1] - 1) / left))
