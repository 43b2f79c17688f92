"""Says whether a difference between two models, scored on the same images, is more than chance."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few
from htl_monai.statistics.holm import holm
from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers

__all__ = ["SCORE_NAMES", "PairedDifference", "compare", "paired_bootstrap"]

SCORE_NAMES = ("foreground_iou", "background_iou", "foreground_dice", "background_dice")

_SUBJECT = "subject"


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference between pairs, how sure it is, and how many pairs it rests on.

    Args:
        difference: mean of ``b - a``; positive = ``b`` is larger.
        low: lower end of the confidence interval; NaN where there is too little to say.
        high: upper end of the confidence interval.
        p_value: of the two-sided Wilcoxon signed-rank test.
        n: pairs that count.
        n_missing: pairs left out because one of the two is NaN.
        n_subjects: subjects that the pairs are of.
        note: "too few to say" where there is no interval for that reason, else empty.
    """

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    n_missing: int
    n_subjects: int
    note: str


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    n_resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
    subjects: Iterable[Hashable] | None = None,
) -> PairedDifference:
    """Estimate the mean of ``b - a`` over the images, with a bootstrap-t interval and a signed-rank test.

    Both models saw the same images, so their differences are resampled, subject by subject; the test ranks the mean
    difference of each subject. Pairs with a NaN are left out and counted. A difference no larger than the rounding of
    the scores is none.

    Args:
        a: scores of the reference model, ``(N,)``.
        b: scores of the other model on the same images in the same order, ``(N,)``.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the interval, in (0, 1).
        subjects: ``(N,)``, whom each image shows; None (for all or for one) = every image is a subject of its own.

    Returns:
        The difference. Without a pair all its numbers are NaN; the interval is, too, where
        :func:`~htl_monai.statistics.bootstrap_interval.too_few` holds; if no pair differs, the p-value is 1.

    Raises:
        ValueError: the shapes differ or are not ``(N,)``, or an option is out of range.

    Example:
        >>> scores = np.linspace(0.5, 0.9, 20)
        >>> result = paired_bootstrap(scores, scores + np.tile([0.1, 0.2], 10))
        >>> round(result.difference, 3), round(result.low, 2), round(result.high, 2), result.n
        (0.15, 0.13, 0.17, 20)
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"b must be (N,) like a, got {second.shape} and {first.shape}; pass scores of the same images")
    pairs = second - first
    known = ~np.isnan(pairs)
    numbers = subject_numbers(subjects, len(pairs))[known]
    differences, limit = pairs[known], resolution(first[known], second[known])
    low, high = bootstrap_interval(differences, n_resamples, seed, confidence, numbers, limit)
    return PairedDifference(
        difference=float(differences.mean()) if len(differences) else np.nan,
        low=low,
        high=high,
        p_value=_signed_rank(np.where(np.abs(differences) > limit, differences, 0.0), numbers),
        n=len(differences),
        n_missing=len(pairs) - len(differences),
        n_subjects=len(np.unique(numbers)),
        note=TOO_FEW if too_few(differences, numbers, limit) else "",
    )


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
        scores: score tables by the name of the model; each has ``id`` and the scores, in any order of rows. Where the
            reference has ``subject``, subjects are resampled.
        reference: the name of the model that the others are compared with.
        score_names: the columns to compare.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the interval, in (0, 1).

    Returns:
        One row per other model and score: ``model``, ``score``, ``mean_reference`` and ``mean`` (over the images that
        count), then the fields of :class:`PairedDifference` and ``p_holm``, corrected over the rows of the table;
        positive = better than the reference.

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
            result = paired_bootstrap(base[score], table[score], n_resamples, seed, confidence, base.get(_SUBJECT))
            both = base[score].notna() & table[score].notna()
            means = {"mean_reference": base.loc[both, score].mean(), "mean": table.loc[both, score].mean()}
            rows.append({"model": model, "score": score} | means | asdict(result))
    fields = list(PairedDifference.__dataclass_fields__)
    after = fields.index("p_value") + 1
    columns = ["model", "score", "mean_reference", "mean", *fields[:after], "p_holm", *fields[after:]]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(p_holm=holm(found["p_value"]))


def _signed_rank(differences: NDArray[np.float64], subjects: NDArray[np.intp]) -> float:
    if not len(differences):
        return np.nan
    means = pd.Series(differences).groupby(subjects).mean().to_numpy()
    if not means.any():  # the test drops pairs that do not differ, and scipy has no answer when none is left
        return 1.0
    return float(stats.wilcoxon(means).pvalue)


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
    by_id = table.set_index("id")
    kept = by_id[list(score_names)].astype(float)
    return kept.assign(**{_SUBJECT: by_id[_SUBJECT]}) if _SUBJECT in by_id else kept


def _aligned(base: pd.DataFrame, table: pd.DataFrame, reference: str, model: str) -> pd.DataFrame:
    """Return ``base`` in the order of ``table`` after a check that both hold the same ids."""
    lacking, extra = base.index.difference(table.index), table.index.difference(base.index)
    if len(lacking) or len(extra):
        raise ValueError(
            f"scores of {model} must have the ids of {reference}, got {len(lacking)} missing {lacking[:3].tolist()} "
            f"and {len(extra)} unexpected {extra[:3].tolist()}; evaluate both on the same images"
        )
    return base.loc[table.index]
