"""How much average precision is lost as a network is pruned: by each class, and by all of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ttest_rel

from htl_monai.analysis.multi_label_checks import checked_ap
from htl_monai.statistics.holm import holm
from htl_monai.statistics.rounding import resolution

# 0.8 of the dense average precision is a drop of 0.2 to the reader, and of 0.19999999999999996 to the machine.
_ROUNDING = 1e-9


def relative_change(ap: ArrayLike) -> NDArray[np.float64]:
    """Return what each class gained or lost against the dense network, as a fraction: ``(AP_k - AP_0) / AP_0``.

    Args:
        ap: ``(R, K, C)`` of seeds, sparsities (the first is dense) and classes, in [0, 1].

    Returns:
        ``(R, K, C)``, from -1 (all lost); 0 at the first sparsity; NaN where ``ap`` is NaN.

    Raises:
        ValueError: ``ap`` has another shape or range, or is 0 for a dense network.

    Example:
        >>> relative_change([[[0.5], [0.25]]]).tolist()
        [[[0.0], [-0.5]]]
    """
    checked = checked_ap(ap)
    dense = checked[:, :1]
    if (dense == 0).any():
        raise ValueError(
            "ap must be above 0 in the dense network, got 0; average precision never is where a class has a positive: "
            "leave classes without one NaN"
        )
    return (checked - dense) / dense


def forgettability_curves(ap: ArrayLike) -> NDArray[np.float64]:
    """Return the curve of every class (PruneCXR): the median over the seeds of its relative change.

    Args:
        ap: ``(R, K, C)`` of seeds, sparsities (the first is dense) and classes, in [0, 1].

    Returns:
        ``(K - 1, C)``, without the dense network; lower = more is forgotten. NaN for a class that cannot be measured.

    Raises:
        ValueError: as :func:`relative_change`, or there is no sparsity but the dense one.

    Example:
        >>> forgettability_curves([[[0.5], [0.25]], [[0.5], [0.4]], [[0.5], [0.5]]]).round(3).tolist()
        [[-0.2]]
    """
    changes = relative_change(ap)
    if changes.shape[1] < 2:
        raise ValueError("ap must hold at least two sparsities, got the dense network alone; mine at others, too")
    return np.asarray(np.median(changes[:, 1:], axis=0))


def first_drop(curves: ArrayLike, sparsities: Sequence[float], drop: float = 0.2) -> NDArray[np.float64]:
    """Return the first sparsity at which each class has lost a fraction of its average precision.

    Args:
        curves: ``(K - 1, C)`` of :func:`forgettability_curves`.
        sparsities: the sparsities of the curves, ascending; with or without the dense network's 0 at the start.
        drop: the fraction that must be lost, in (0, 1]; PruneCXR takes 0.2.

    Returns:
        ``(C,)``, higher = forgotten later; NaN for a class that never loses as much, or cannot be measured.

    Raises:
        ValueError: the shapes do not fit or ``drop`` is out of range.

    Example:
        >>> first_drop([[-0.1, 0.0], [-0.2, -0.1]], (0.5, 0.9)).tolist()
        [0.9, nan]
    """
    values = np.asarray(curves, dtype=np.float64)
    steps = np.asarray(sparsities, dtype=np.float64)
    if not 0 < drop <= 1:
        raise ValueError(f"drop must be in (0, 1], got {drop}; 0.2 means a loss of 20 %")
    if len(steps) and steps[0] == 0:
        steps = steps[1:]
    if values.ndim != 2 or len(values) != len(steps) or not len(steps):
        raise ValueError(
            f"curves must be (K - 1, C) for the {len(steps)} sparsities above 0, got {values.shape}; "
            "pass the curves and sparsities of the same predictions"
        )
    fallen = values <= -drop + _ROUNDING
    return np.where(fallen.any(axis=0), steps[fallen.argmax(axis=0)], np.nan)


def class_changes(
    ap: ArrayLike, classes: Sequence[str], sparsities: Sequence[float], n_training: Sequence[int]
) -> pd.DataFrame:
    """Tabulate average precision and its relative change, class by class and sparsity by sparsity.

    Args:
        ap: ``(R, K, C)`` of seeds, sparsities and classes, in [0, 1].
        classes: the ``C`` names.
        sparsities: the ``K`` sparsities, ascending from 0.
        n_training: how many training images have each class, ``(C,)``.

    Returns:
        One row per class and sparsity: ``class``, ``n_training``, ``sparsity``, ``n_seeds``, ``ap_mean`` and ``ap_std``
        (over the seeds, sample standard deviation), ``change_median``, ``change_low`` and ``change_high`` (quartiles of
        the relative change). The spreads are NaN with one seed, everything is for a class that cannot be measured.

    Raises:
        ValueError: as :func:`relative_change`, or a sequence does not fit ``ap``.

    Example:
        >>> table = class_changes([[[0.5], [0.25]], [[0.5], [0.5]]], ["Hernia"], (0.0, 0.9), [12])
        >>> table.iloc[1][["sparsity", "ap_mean", "change_median", "change_low"]].astype(float).round(3).tolist()
        [0.9, 0.375, -0.25, -0.375]
    """
    checked = checked_ap(ap, sparsities)
    n_seeds, n_sparsities, n_classes = checked.shape
    for name, values in (("classes", classes), ("n_training", n_training)):
        if len(values) != n_classes:
            raise ValueError(f"{name} must have one entry for each of {n_classes} classes of ap, got {len(values)}")
    changes = relative_change(checked)
    spread = n_seeds > 1
    columns = {
        "ap_mean": checked.mean(axis=0),
        "ap_std": checked.std(axis=0, ddof=1) if spread else np.full(checked.shape[1:], np.nan),
        "change_median": np.median(changes, axis=0),
        "change_low": np.quantile(changes, 0.25, axis=0) if spread else np.full(checked.shape[1:], np.nan),
        "change_high": np.quantile(changes, 0.75, axis=0) if spread else np.full(checked.shape[1:], np.nan),
    }
    return pd.DataFrame(
        {
            "class": np.repeat(np.array(classes, dtype=object), n_sparsities),
            "n_training": np.repeat(np.asarray(n_training), n_sparsities),
            "sparsity": np.tile(np.asarray(sparsities, dtype=np.float64), n_classes),
            "n_seeds": n_seeds,
            **{name: np.asarray(values).T.ravel() for name, values in columns.items()},
        }
    )


def overall_drop(ap: ArrayLike, sparsities: Sequence[float], alpha: float = 0.05) -> pd.DataFrame:
    """Test at every sparsity whether the mean average precision over the classes is lower than without pruning.

    The pairs are the seeds: each network against itself, pruned. The test is Student's for pairs, one-sided, and
    Holm's correction is over all sparsities but 0. With one seed there is nothing to test.

    Args:
        ap: ``(R, K, C)`` of seeds, sparsities and classes, in [0, 1]; classes that are NaN anywhere are left out of
            the mean.
        sparsities: the ``K`` sparsities, ascending from 0.
        alpha: the level of significance after the correction, in (0, 1).

    Returns:
        One row per sparsity: ``sparsity``, ``n_seeds``, ``n_classes`` (of the mean), ``ap_mean``, ``ap_std`` (sample
        standard deviation over the seeds), ``difference`` (mean of pruned - dense), ``p_value``, ``p_holm`` and
        ``significant`` (missing where there is no test: the first row, one seed, or seeds that all change by the same,
        which leaves no spread to test by). Where no seed changes, the p-value is 1.

    Raises:
        ValueError: ``ap`` and ``sparsities`` do not fit, or ``alpha`` is out of range.

    Example:
        >>> table = overall_drop([[[0.5], [0.2]], [[0.6], [0.2]], [[0.5], [0.1]]], (0.0, 0.9))
        >>> table["difference"].round(3).tolist(), table["p_value"].round(4).tolist()
        ([0.0, -0.367], [nan, 0.0041])
    """
    checked = checked_ap(ap, sparsities)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}; 0.05 is usual")
    measured = ~np.isnan(checked).any(axis=(0, 1))
    n_seeds, n_sparsities = checked.shape[:2]
    mean = checked[..., measured].mean(axis=-1) if measured.any() else np.full(checked.shape[:2], np.nan)
    p_values = np.array([np.nan, *(_p_value(mean[:, k], mean[:, 0]) for k in range(1, n_sparsities))])
    p_holm = holm(p_values)
    significant = pd.array([pd.NA] * n_sparsities, dtype="boolean")
    significant[~np.isnan(p_holm)] = p_holm[~np.isnan(p_holm)] <= alpha
    return pd.DataFrame(
        {
            "sparsity": np.asarray(sparsities, dtype=np.float64),
            "n_seeds": n_seeds,
            "n_classes": int(measured.sum()),
            "ap_mean": mean.mean(axis=0),
            "ap_std": mean.std(axis=0, ddof=1) if n_seeds > 1 else np.nan,
            "difference": (mean - mean[:, :1]).mean(axis=0),
            "p_value": p_values,
            "p_holm": p_holm,
            "significant": significant,
        }
    )


def first_significant(table: pd.DataFrame) -> float:
    """Return the first sparsity at which overall average precision falls significantly.

    Args:
        table: what :func:`overall_drop` returns.

    Returns:
        The sparsity; NaN if there is none, or if nothing could be tested.

    Example:
        >>> first_significant(overall_drop([[[0.5], [0.2]], [[0.6], [0.2]], [[0.5], [0.1]]], (0.0, 0.9)))
        0.9
    """
    found = table.loc[table["significant"].fillna(False).astype(bool), "sparsity"]
    return float(found.min()) if len(found) else np.nan


def _p_value(pruned: NDArray[np.float64], dense: NDArray[np.float64]) -> float:
    if len(pruned) < 2 or np.isnan(pruned).any():
        return np.nan
    limit, changes = resolution(pruned, dense), pruned - dense
    if (np.abs(changes) <= limit).all():
        return 1.0
    if np.ptp(changes) <= limit:
        return np.nan  # t would be infinite: two seeds that lose the same 1e-12 would be beyond doubt
    return float(ttest_rel(pruned, dense, alternative="less").pvalue)
