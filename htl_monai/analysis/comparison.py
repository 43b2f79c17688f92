"""Says whether a difference between two models, scored on the same images, is more than chance.

With one pair of networks the images, subject by subject, are what varies; with several seeds the seeds vary, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from xarray import Dataset

from htl_monai.analysis.seeds_and_images import seeds_and_images_interval
from htl_monai.scores import at_level, columns_of
from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few
from htl_monai.statistics.holm import holm
from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers


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


def pairs_of(arms: Sequence[str], reference: str = "dense") -> list[tuple[str, str]]:
    """Return each arm with the reference, then the first of them with each of the rest.

    Example:
        >>> pairs_of(["dense", "htl", "random", "loss"])
        [('htl', 'dense'), ('random', 'dense'), ('loss', 'dense'), ('htl', 'random'), ('htl', 'loss')]
    """
    others = [arm for arm in arms if arm != reference]
    return [(arm, reference) for arm in others] + [(others[0], arm) for arm in others[1:]]


def scores_in(scores: Iterable[Dataset]) -> list[str]:
    """Return the columns, see :func:`~htl_monai.scores.columns_of`, in which all are scored and higher = better."""
    columns = [list(columns_of(one)) for one in scores]
    judged = [name for name in columns[0] if name == "true_prob" or {"iou", "dice"} & set(name.split("_"))]
    return [name for name in judged if name != "whole_image_iou" and all(name in others for others in columns)]


def compare(scores: Mapping[str, Dataset], reference: str = "dense", seed: int = 0) -> pd.DataFrame:
    """Compare models with a reference, and the first with the others, score by score, on the same images.

    Args:
        scores: of the same test images by the name of the model, at level 0; see :mod:`htl_monai.scores`. With several
            seeds joined, every model has the same ones.
        reference: the model that the others are compared with.

    Returns:
        One row for each of :func:`pairs_of` and score of :func:`scores_in`: ``model``, ``reference``, ``score``,
        ``mean_reference`` and ``mean`` (over the images that count); then of one seed the fields of
        :class:`PairedDifference`, of several those of :class:`~htl_monai.analysis.seeds_and_images.SeedsAndImages`;
        and ``p_holm``, corrected over the table. Positive = better than the reference.
    """
    if reference not in scores:
        raise KeyError(f"reference must be one of {', '.join(scores)}, got {reference!r}; name one that is scored")
    names, first = scores_in(scores.values()), scores[reference]
    ids = first.indexes["sample"]
    subjects = first["subject"].values.tolist() if "subject" in first.coords else None
    values = {model: _values(model, found, names, ids, reference) for model, found in scores.items()}
    rows, several = [], first.sizes.get("seed", 1) > 1
    for model, other in pairs_of(list(scores), reference):
        for name in names:
            a, b = values[other][name], values[model][name]
            known = ~np.isnan(a + b)
            row: dict[str, Any] = {"model": model, "reference": other, "score": name}
            row |= {"mean_reference": _mean(a[known]), "mean": _mean(b[known])}
            if several:
                row |= asdict(seeds_and_images_interval(b - a, subjects))
            else:
                row |= asdict(paired_bootstrap(a[0], b[0], seed=seed, subjects=subjects))
            rows.append(row)
    if not rows:
        return pd.DataFrame(columns=["model", "reference", "score"])
    table = pd.DataFrame(rows)
    table.insert(len(list(table)) if several else list(table).index("p_value") + 1, "p_holm", holm(table["p_value"]))
    return table


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
        difference=_mean(differences),
        low=low,
        high=high,
        p_value=_signed_rank(np.where(np.abs(differences) > limit, differences, 0.0), numbers),
        n=len(differences),
        n_missing=len(pairs) - len(differences),
        n_subjects=len(np.unique(numbers)),
        note=TOO_FEW if too_few(differences, numbers, limit) else "",
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def _signed_rank(differences: NDArray[np.float64], subjects: NDArray[np.intp]) -> float:
    if not len(differences):
        return np.nan
    means = pd.Series(differences).groupby(subjects).mean().to_numpy()
    if not means.any():  # the test drops pairs that do not differ, and scipy has no answer when none is left
        return 1.0
    return float(stats.wilcoxon(means).pvalue)


def _values(
    model: str, scores: Dataset, names: Sequence[str], ids: pd.Index, reference: str
) -> dict[str, NDArray[np.float64]]:
    """Return each score ``(S, N)`` of the reference's images in its order."""
    own = scores.indexes["sample"]
    if not own.is_unique:
        repeated = own[own.duplicated()].unique()
        raise ValueError(
            f"scores of {model} must have one row per image, got {len(repeated)} repeated ids {repeated[:3].tolist()}; "
            "evaluate each image once"
        )
    lacking, extra = ids.difference(own), own.difference(ids)
    if len(lacking) or len(extra):
        raise ValueError(
            f"scores of {model} must have the ids of {reference}, got {len(lacking)} missing {lacking[:3].tolist()} "
            f"and {len(extra)} unexpected {extra[:3].tolist()}; evaluate both on the same images"
        )
    columns = columns_of(at_level(scores.isel(sample=own.get_indexer(ids)), 0.0))
    return {name: np.asarray(columns[name].values, dtype=np.float64).reshape(-1, len(ids)) for name in names}
