"""From which sparsity on a network is worse than the dense one, all classes taken together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ttest_rel

from htl_monai.analysis.multi_label_checks import checked_ap
from htl_monai.statistics.holm import holm
from htl_monai.statistics.rounding import resolution

__all__ = ["first_significant", "overall_drop"]


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
