"""Tabulates what a compression makes a classifier forget, by class and by pair of classes (PruneCXR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.correlations import correlations, pair_correlations
from htl_monai.analysis.fcd_regression import regress_fcd
from htl_monai.analysis.forgettability import class_changes, first_drop, forgettability_curves, overall_drop
from htl_monai.analysis.pairs_of_classes import class_pairs_table, co_occurrence_iou
from htl_monai.data.readers.listing import SPLITS
from htl_monai.statistics.holm import holm
from htl_monai.tasks.usefulness import random_order_ap

_DROP = 0.2  # from here on a class counts as forgotten (PruneCXR)
_FCD = ("fcd_euclidean", "fcd_mse")  # PruneCXR's text defines one, its code takes the other


def class_counts(counts: Mapping[str, ArrayLike], classes: Sequence[str]) -> pd.DataFrame:
    """Tabulate the positive images of each class.

    Args:
        counts: of the training, validation and test split, ``(C,)`` each.
        classes: the ``C`` names.

    Returns:
        One row per class: ``class``, ``n_training``, ``n_validation``, ``n_test`` and ``without_positives``, which
        names the splits that have none (empty: all have).
    """
    found = {split: np.asarray(counts[split]) for split in SPLITS}
    lacking = [", ".join(split for split in SPLITS if not found[split][c]) for c in range(len(classes))]
    columns = {f"n_{split}": count for split, count in found.items()}
    return pd.DataFrame({"class": classes, **columns, "without_positives": lacking})


def class_tables(
    ap: NDArray[np.float64], sparsities: Sequence[float], classes: pd.DataFrame, labels: NDArray[np.float64]
) -> dict[str, pd.DataFrame]:
    """Return the tables of one compression.

    Args:
        ap: average precisions ``(R, K, C)`` of the test images, by seed, sparsity (the first is dense) and class.
        sparsities: the ``K`` sparsities.
        classes: see :func:`class_counts`.
        labels: of the test images, ``(N, C)`` of 0, 1 and NaN.

    Returns:
        ``class_changes`` (AP and its relative change by class and sparsity), ``overall`` (its mean over classes, tested
        against the dense network), ``first_drop`` (by class: where 20 % is lost first, the change at the highest
        sparsity, and whether the dense networks learned it at all, which rank it better than a random order of the
        images then), ``dissimilarity`` (every pair of classes: FCD and what might explain it), ``fcd_regression`` (both
        FCDs on these), and ``correlations`` (of ``first_drop`` with class frequency, of FCD with its predictors). Where
        pairs of classes are tested, the classes are permuted.
    """
    names, n_training = classes["class"].tolist(), classes["n_training"].to_numpy()
    chance = random_order_ap((labels == 1).sum(axis=0), (~np.isnan(labels)).sum(axis=0))
    curves = forgettability_curves(ap)
    drops = pd.DataFrame(
        {
            "class": names,
            "n_training": n_training,
            "n_seeds": len(ap),
            "first_drop": first_drop(curves, sparsities, _DROP),
            "highest_sparsity": sparsities[-1],
            "change_at_highest": curves[-1],
            "ap_dense": ap[:, 0].mean(axis=0),
            "ap_random_order": chance,
            "never_learned": ap[:, 0].mean(axis=0) <= chance,
        }
    )
    pairs = class_pairs_table(names, curves, classes["n_test"].to_numpy(), co_occurrence_iou(labels))
    return {
        "class_changes": class_changes(ap, names, sparsities, n_training.tolist()),
        "overall": overall_drop(ap, sparsities),
        "first_drop": drops,
        "dissimilarity": pairs,
        "fcd_regression": _regressions(pairs),
        "correlations": _correlations(drops, pairs),
    }


def _regressions(pairs: pd.DataFrame) -> pd.DataFrame:
    table = pd.concat([regress_fcd(pairs, response) for response in _FCD], ignore_index=True)
    return table.assign(p_holm=holm(table["p_value"]))


def _correlations(drops: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    counts = drops["n_training"].to_numpy(dtype=np.float64)
    log_frequency = np.log(counts, out=np.full(len(counts), np.nan), where=counts > 0)
    by_class: Mapping[str, pd.Series] = {name: drops[name] for name in ("first_drop", "change_at_highest")}
    parts = [correlations(log_frequency, values, "log_n_training", name) for name, values in by_class.items()]
    for predictor in ("delta_log_frequency", "iou_root4"):
        parts += [pair_correlations(pairs, predictor, response) for response in _FCD]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(n_classes=table["n_classes"].fillna(table["n"]).astype(int), p_holm=holm(table["p_value"]))


def curves_by_class(changes: pd.DataFrame) -> pd.DataFrame:
    """Turn ``class_changes`` into one row per class and one column per sparsity, without the dense network."""
    pruned = changes[changes["sparsity"] > 0]
    wide = pruned.pivot(index="class", columns="sparsity", values="change_median")
    wide = wide.loc[changes["class"].drop_duplicates()].rename(columns=lambda value: f"{value:g}")
    return wide.rename_axis(columns=None).reset_index()
