"""How well a ranking finds the images that are known to be hard: planted, marked in a column, or scored badly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from htl_monai.analysis.impact import is_of_boxes
from htl_monai.ranking.hardness import hardness, never_learned_in


def detection(scores: ArrayLike, truth: ArrayLike, k: int | None = None) -> dict[str, float]:
    """Measure how well the highest scores point at the planted images.

    No real data set says which of its images are hard; the phantom does, so that mining can be checked. An image
    without a score (NaN) could not be mined: it counts as the least suspicious and is reported in ``n_unscored``.

    Args:
        scores: ``(N,)``; higher = harder.
        truth: ``(N,)`` of 0 and 1 (or bool); 1 = planted.
        k: how many of the highest scores to look at, from 1 to N; by default as many as are planted.

    Returns:
        ``n``, ``n_planted``, ``n_unscored``, ``base_rate`` (fraction planted: what a random list reaches), ``auroc``
        (0.5 = chance), ``average_precision``, ``k`` and ``precision_at_k``. Equal scores at the k-th place are counted
        by the fraction of them that are planted, so that the order of the images plays no part. NaN where there is
        nothing to measure: no planted image, or for ``auroc`` none but planted ones.

    Raises:
        ValueError: the shapes differ or are not ``(N,)`` with N > 0, ``truth`` holds anything but 0 and 1, or ``k`` is
            out of range.

    Example:
        >>> result = detection([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0])
        >>> result["auroc"], result["k"], result["precision_at_k"]
        (0.75, 2, 0.5)
    """
    values, planted = _checked(scores, truth)
    n, n_planted = len(values), int(planted.sum())
    if k is not None and not 1 <= k <= n:
        raise ValueError(f"k must be from 1 to the number of scores, {n}, got {k}; leave it out for the number planted")
    k = n_planted if k is None else k
    unscored = np.isnan(values)
    ranks = rankdata(np.where(unscored, -np.inf, values))  # keeps order and ties, and scikit-learn takes no infinity
    return {
        "n": n,
        "n_planted": n_planted,
        "n_unscored": int(unscored.sum()),
        "base_rate": n_planted / n,
        "auroc": float(roc_auc_score(planted, ranks)) if 0 < n_planted < n else np.nan,
        "average_precision": float(average_precision_score(planted, ranks)) if n_planted else np.nan,
        "k": k,
        "precision_at_k": _precision_at(ranks, planted, k) if n_planted else np.nan,
    }


def detection_by_rankings(
    rankings: pd.DataFrame, truth: ArrayLike, k: int | None = None, error: ArrayLike | None = None
) -> pd.DataFrame:
    """Judge rankings against one truth, side by side.

    Args:
        rankings: ``(N, R)``, one column a ranking; higher = harder.
        truth: ``(N,)`` of 0 and 1, such as :func:`yes_or_no` of a column, or ``iou < 0.65``; NaN = unknown, which plays
            no part.
        k: see :func:`detection`.
        error: ``(N,)``, such as ``1 - iou``, or None.

    Returns:
        One row per ranking: ``ranking``, the fields of :func:`detection` and, with ``error``, ``spearman``: the rank
        correlation with it where both are measured, NaN where one of them is constant.

    Example:
        >>> detection_by_rankings(pd.DataFrame({"entropy": [0.9, 0.8, 0.3, 0.1]}), [1, 0, 1, np.nan])["auroc"].item()
        0.5
    """
    known = ~np.isnan(np.asarray(truth, dtype=np.float64))
    rows = []
    for name, values in rankings.items():
        found = detection(values[known], np.asarray(truth, dtype=np.float64)[known], k)
        correlation = {} if error is None else {"spearman": _rank_correlation(values[known], np.asarray(error)[known])}
        rows.append({"ranking": name} | found | correlation)
    return pd.DataFrame(rows)


def yes_or_no(column: pd.Series) -> NDArray[np.float64]:
    """Return a column of yes and no as 1 and 0, NaN where it is missing.

    Args:
        column: of bools, of 0 and 1, or of one of the pairs yes/no, true/false, y/n, 1/0 in any case.

    Example:
        >>> yes_or_no(pd.Series(["Yes", "no", None])).tolist()
        [1.0, 0.0, nan]
    """
    words = {"yes": 1.0, "true": 1.0, "y": 1.0, "no": 0.0, "false": 0.0, "n": 0.0, "": np.nan}
    words |= {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
    texts = column.astype(object).where(column.notna(), "").map(lambda value: str(value).strip().lower())
    odd = texts[~texts.isin(words)]
    if len(odd):
        raise ValueError(f"{column.name} must hold yes and no, got {odd.iloc[0]!r}; compare it with a value first")
    return np.asarray(texts.map(words), dtype=np.float64)


def detection_of_groups(scores: ArrayLike, groups: Sequence[str], easy: str = "none") -> dict[str, float]:
    """Return for each planted group how well the highest scores point at it, among its images and the easy ones.

    Args:
        scores: see :func:`detection`.
        groups: ``(N,)``, the group that each image was planted in.
        easy: the name of those that were planted in none.

    Returns:
        ``auroc_<group>`` for each group but the easy one, sorted by name (0.5 = chance).

    Raises:
        ValueError: the shapes differ or are not ``(N,)`` with N > 0.

    Example:
        >>> detection_of_groups([0.9, 0.1, 0.4, 0.5], ["hair", "small", "none", "none"])
        {'auroc_hair': 1.0, 'auroc_small': 0.0}
    """
    values, names = np.asarray(scores, dtype=np.float64), np.asarray(groups, dtype=object)
    found = {}
    for group in sorted(set(names) - {easy}):
        shown = np.isin(names, (group, easy))
        found[f"auroc_{group}"] = detection(values[shown], names[shown] == group)["auroc"]
    return found


def planted_detection(
    mined: pd.DataFrame, pseudo_labels: pd.DataFrame | None = None, primary: str = "foreground_iou"
) -> pd.DataFrame:
    """Hold the rankings of mining, and what needs no pruning, against the planted images.

    In both rankings of mining the images that were never learned come first.

    Args:
        mined: a forgetting table at one sparsity, with ``hard`` and, where it is known, ``hard_group``.
        pseudo_labels: what the dense network made of these images, where they have no mask.
        primary: the score whose loss is the forgetting.

    Returns:
        One row per ranking: ``ranking``, the fields of :func:`detection`, those of :func:`detection_of_groups`, and
        ``n_never_learned``.
    """
    unlearned = never_learned_in(mined)
    rankings = {
        name: pd.Series(hardness(mined[name], unlearned), index=mined.index)
        for name in ("forgetting_relative", "forgetting")
    }
    if mined["forgetting"].equals(mined["forgetting_relative"]):
        del rankings["forgetting_relative"]  # the dense network agrees with itself: the share is of 1
    if pseudo_labels is not None:
        rankings["pseudo_label_doubt"] = 1 - mined["id"].map(pseudo_labels.set_index("id")["confidence"])
    elif not is_of_boxes(mined):
        rankings["dense_error"] = 1 - mined[f"{primary}_dense"]
    found = detection_by_rankings(pd.DataFrame(rankings), mined["hard"])
    if "hard_group" in mined:
        groups = mined["hard_group"].tolist()
        found = found.join(pd.DataFrame([detection_of_groups(ranking, groups) for ranking in rankings.values()]))
    return found.assign(n_never_learned=int(unlearned.sum()))


def _precision_at(ranks: NDArray[np.float64], planted: NDArray[np.bool_], k: int) -> float:
    kth = np.sort(ranks)[-k]
    above, tied = ranks > kth, ranks == kth
    found = planted[above].sum() + (k - above.sum()) * planted[tied].mean()
    return float(found / k)


def _rank_correlation(values: ArrayLike, error: NDArray[np.float64]) -> float:
    ranking = np.asarray(values, dtype=np.float64)
    both = ~np.isnan(ranking) & ~np.isnan(error)
    ranks = [rankdata(numbers[both]) for numbers in (ranking, error)]
    varied = all(len(numbers) and np.ptp(numbers) > 0 for numbers in ranks)
    return float(spearmanr(*ranks).statistic) if varied else np.nan


def _checked(scores: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values, planted = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if values.ndim != 1 or not len(values) or values.shape != planted.shape:
        raise ValueError(
            f"truth must be (N,) like scores with N > 0, got {planted.shape} and {values.shape}; one of each per image"
        )
    if not np.isin(planted, (0, 1)).all():
        odd = planted[~np.isin(planted, (0, 1))]
        raise ValueError(f"truth must be 0 or 1 for every image, got {odd[0]}; 1 marks a planted image")
    return values, planted.astype(bool)
