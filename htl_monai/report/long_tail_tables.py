"""Tabulates, for every compression of a run, what it makes a classifier forget, by class and by pair of classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.co_occurrence import co_occurrence_iou
from htl_monai.analysis.correlations import correlations
from htl_monai.analysis.fcd_regression import pairs_table, regress_fcd
from htl_monai.analysis.forgettability import class_changes, first_drop, forgettability_curves
from htl_monai.analysis.overall_drop import overall_drop
from htl_monai.analysis.pair_correlations import pair_correlations
from htl_monai.data.readers.listing import SPLITS
from htl_monai.report.long_tail_run import COMPRESSIONS, MAIN, LongTailRun, positives
from htl_monai.statistics.holm import holm
from htl_monai.tasks.usefulness import random_order_ap

__all__ = ["DROP", "FCD", "classes_table", "forgettability_tables"]

# From here on a class counts as forgotten (PruneCXR).
DROP = 0.2
# PruneCXR's text defines one, its code takes the other.
FCD = ("fcd_euclidean", "fcd_mse")


def forgettability_tables(run: LongTailRun) -> dict[str, pd.DataFrame]:
    """Analyse every compression that a run has scores of; those of one seed at a time are in memory.

    Args:
        run: what :func:`~htl_monai.report.long_tail_run.read_long_tail_run` found.

    Returns:
        Tables by name. ``classes``, see :func:`classes_table`; ``forgettability``, the curves of the magnitude pruning,
        one row per class and one column per sparsity. The others have the column ``compression``: ``class_changes`` (AP
        and its relative change by class and sparsity), ``overall`` (its mean over classes, tested against the dense
        network), ``first_drop`` (by class: where 20 % is lost first, the change at the highest sparsity, and whether
        the dense networks learned it at all, which rank it better than a random order of the images then),
        ``dissimilarity`` (every pair of classes: FCD and what might explain it), ``fcd_regression`` (both FCDs on
        these), and ``correlations`` (of ``first_drop`` with class frequency, of FCD with its predictors). Where pairs
        of classes are tested, the classes are permuted; ``p_holm`` is corrected over the tests of a compression.

    Raises:
        FileNotFoundError: the predictions of a seed after magnitude pruning are not there.
        ValueError: predictions do not fit the data list or each other.
    """
    classes = classes_table(run)
    labels = run.labels
    co_occurrence = co_occurrence_iou(labels)
    chance = random_order_ap((labels == 1).sum(axis=0), (~np.isnan(labels)).sum(axis=0))
    parts: dict[str, list[pd.DataFrame]] = {}
    wide = pd.DataFrame()
    for compression, stage in COMPRESSIONS.items():
        seeds = run.seeds if compression == MAIN else run.seeds_of(stage)
        if not seeds:
            continue
        found = run.scores(stage, seeds)["probability"]
        ap = np.stack([average_precision(labels, of_seed.values) for of_seed in found])  # of 30 seeds it is a gigabyte
        tables = _tables_of(ap, tuple(found["level"].values.tolist()), classes, co_occurrence, chance)
        if compression == MAIN:
            wide = _curves_by_class(tables["class_changes"])
        for name, table in tables.items():
            table.insert(0, "compression", compression)
            parts.setdefault(name, []).append(table)
    return {
        "classes": classes,
        "forgettability": wide,
        **{name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()},
    }


def classes_table(run: LongTailRun) -> pd.DataFrame:
    """Count the positive images of each class.

    Returns:
        One row per class: ``class``, ``n_training``, ``n_validation``, ``n_test`` and ``without_positives``, which
        names the splits that have none (empty: all have).
    """
    counts = {split: positives(run.datalists[split], len(run.classes)) for split in SPLITS}
    lacking = [", ".join(split for split in SPLITS if not counts[split][c]) for c in range(len(run.classes))]
    return pd.DataFrame(
        {
            "class": run.classes,
            **{f"n_{split}": count for split, count in counts.items()},
            "without_positives": lacking,
        }
    )


def _tables_of(
    ap: NDArray[np.float64],
    sparsities: tuple[float, ...],
    classes: pd.DataFrame,
    co_occurrence: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> dict[str, pd.DataFrame]:
    """Return the tables of one compression from its average precisions ``(R, K, C)``."""
    names, n_training = classes["class"].tolist(), classes["n_training"].to_numpy()
    curves = forgettability_curves(ap)
    drops = pd.DataFrame(
        {
            "class": names,
            "n_training": n_training,
            "n_seeds": len(ap),
            "first_drop": first_drop(curves, sparsities, DROP),
            "highest_sparsity": sparsities[-1],
            "change_at_highest": curves[-1],
            "ap_dense": ap[:, 0].mean(axis=0),
            "ap_random_order": chance,
            "never_learned": ap[:, 0].mean(axis=0) <= chance,
        }
    )
    pairs = pairs_table(names, curves, classes["n_test"].to_numpy(), co_occurrence)
    return {
        "class_changes": class_changes(ap, names, sparsities, n_training.tolist()),
        "overall": overall_drop(ap, sparsities),
        "first_drop": drops,
        "dissimilarity": pairs,
        "fcd_regression": _regressions(pairs),
        "correlations": _correlations(drops, pairs),
    }


def _regressions(pairs: pd.DataFrame) -> pd.DataFrame:
    table = pd.concat([regress_fcd(pairs, response) for response in FCD], ignore_index=True)
    return table.assign(p_holm=holm(table["p_value"]))


def _correlations(drops: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    counts = drops["n_training"].to_numpy(dtype=np.float64)
    log_frequency = np.log(counts, out=np.full(len(counts), np.nan), where=counts > 0)
    by_class: Mapping[str, pd.Series] = {name: drops[name] for name in ("first_drop", "change_at_highest")}
    parts = [correlations(log_frequency, values, "log_n_training", name) for name, values in by_class.items()]
    for predictor in ("delta_log_frequency", "iou_root4"):
        parts += [pair_correlations(pairs, predictor, response) for response in FCD]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(n_classes=table["n_classes"].fillna(table["n"]).astype(int), p_holm=holm(table["p_value"]))


def _curves_by_class(changes: pd.DataFrame) -> pd.DataFrame:
    """Turn the long table into one row per class and one column per sparsity, without the dense network."""
    pruned = changes[changes["sparsity"] > 0]
    wide = pruned.pivot(index="class", columns="sparsity", values="change_median")
    wide = wide.loc[changes["class"].drop_duplicates()].rename(columns=lambda value: f"{value:g}")
    return wide.rename_axis(columns=None).reset_index()
