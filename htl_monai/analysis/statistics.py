"""Says whether a difference between two models, scored on the same images, is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from htl_monai.metrics.segmentation import SCORE_NAMES

__all__ = ["PairedDifference", "bootstrap_interval", "compare", "paired_bootstrap"]

_ENTRIES_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference between pairs, how sure it is, and how many pairs it rests on.

    Args:
        difference: mean of ``b - a``; positive = ``b`` is larger.
        low: lower end of the confidence interval.
        high: upper end of the confidence interval.
        p_value: of the two-sided Wilcoxon signed-rank test.
        n: pairs that count.
        n_missing: pairs left out because one of the two is NaN.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    n_missing: int


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, n_resamples: int = 10_000, seed: int = 0, confidence: float = 0.95
) -> PairedDifference:
    """Estimate the mean of ``b - a`` over the images, with a bootstrap interval and a signed-rank test.

    The images are resampled, not the two scores apart: both models saw the same ones. Pairs with a NaN are left out
    and counted.

    Args:
        a: scores of the reference model, ``(N,)``.
        b: scores of the other model on the same images in the same order, ``(N,)``.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the percentile interval, in (0, 1).

    Returns:
        The difference. Without a pair all its numbers are NaN, with a single one the interval is; if no pair differs,
        the p-value is 1.

    Raises:
        ValueError: the shapes differ or are not ``(N,)``, or an option is out of range.

    Example:
        >>> result = paired_bootstrap([0.5, 0.6, 0.7, 0.8], [0.6, 0.7, 0.8, 0.9])
        >>> round(result.difference, 3), round(result.low, 3), round(result.high, 3), result.n
        (0.1, 0.1, 0.1, 4)
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"b must be (N,) like a, got {second.shape} and {first.shape}; pass scores of the same images")
    pairs = second - first
    differences = pairs[~np.isnan(pairs)]
    low, high = bootstrap_interval(differences, n_resamples, seed, confidence)
    return PairedDifference(
        difference=float(differences.mean()) if len(differences) else np.nan,
        low=low,
        high=high,
        p_value=_signed_rank(differences),
        n=len(differences),
        n_missing=len(pairs) - len(differences),
    )


def bootstrap_interval(
    values: ArrayLike, n_resamples: int = 10_000, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of ``values``.

    Args:
        values: ``(N,)``, without NaN.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the interval, in (0, 1).

    Returns:
        Lower and upper end; both NaN for less than two values, which say nothing of their spread.

    Raises:
        ValueError: ``n_resamples`` is below 1 or ``confidence`` outside (0, 1).
    """
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}; 10000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return np.nan, np.nan
    result = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=n_resamples,
        batch=max(1, _ENTRIES_AT_ONCE // len(sample)),  # memory stays the same however many images there are
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def compare(
    scores: Mapping[str, pd.DataFrame],
    reference: str,
    score_names: Sequence[str] = SCORE_NAMES,
    n_resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare models with a reference, score by score, on the same images, paired by ``id``.

    Args:
        scores: score tables by the name of the model; each has ``id`` and the scores, in any order of rows.
        reference: the name of the model that the others are compared with.
        score_names: the columns to compare.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the interval, in (0, 1).

    Returns:
        One row per other model and score: ``model``, ``score``, ``mean_reference`` and ``mean`` (over the images that
        count), then the fields of :class:`PairedDifference`; positive = better than the reference.

    Raises:
        KeyError: the reference or a column is missing.
        ValueError: an id occurs twice in a table, or the tables hold different ids.
    """
    if reference not in scores:
        raise KeyError(f"reference must be one of {list(scores)}, got {reference!r}; name a table that is given")
    tables = {model: _by_id(model, table, score_names) for model, table in scores.items()}
    rows = []
    for model, table in tables.items():
        if model == reference:
            continue
        base = _aligned(tables[reference], table, reference, model)
        for score in score_names:
            result = paired_bootstrap(base[score], table[score], n_resamples, seed, confidence)
            both = base[score].notna() & table[score].notna()
            means = {"mean_reference": base.loc[both, score].mean(), "mean": table.loc[both, score].mean()}
            rows.append({"model": model, "score": score} | means | asdict(result))
    fields = list(PairedDifference.__dataclass_fields__)
    return pd.DataFrame(rows, columns=["model", "score", "mean_reference", "mean", *fields])


def _signed_rank(differences: NDArray[np.float64]) -> float:
    if not len(differences):
        return np.nan
    if not differences.any():  # the test drops pairs that do not differ, and scipy has no answer when none is left
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def _by_id(model: str, table: pd.DataFrame, score_names: Sequence[str]) -> pd.DataFrame:
    missing = [column for column in ("id", *score_names) if column not in table]
    if missing:
        raise KeyError(f"scores of {model} must have the columns {missing}, got {list(table.columns)}; evaluate again")
    repeated = table.loc[table["id"].duplicated(), "id"].unique()
    if len(repeated):
        raise ValueError(
            f"scores of {model} must have one row per image, got {len(repeated)} repeated ids {repeated[:3].tolist()}; "
            "evaluate each image once"
        )
    return table.set_index("id")[list(score_names)].astype(float)


def _aligned(base: pd.DataFrame, table: pd.DataFrame, reference: str, model: str) -> pd.DataFrame:
    """Return ``base`` in the order of ``table`` after a check that both hold the same ids."""
    lacking, extra = base.index.difference(table.index), table.index.difference(base.index)
    if len(lacking) or len(extra):
        raise ValueError(
            f"scores of {model} must have the ids of {reference}, got {len(lacking)} missing {lacking[:3].tolist()} "
            f"and {len(extra)} unexpected {extra[:3].tolist()}; evaluate both on the same images"
        )
    return base.loc[table.index]
