"""Means of what several models, or several seeds, scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from xarray import Dataset

from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.comparison import scores_in
from htl_monai.ranking.hardness import bounded_forgetting, never_learned_in
from htl_monai.scores import table_of


def mean_scores(scores: Mapping[str, Dataset]) -> pd.DataFrame:
    """Return one row per model: images, each score's mean over images, and the scores of Table 2 of Attend Who is Weak.

    Args:
        scores: of one seed, by the name of the model, at level 0.

    Returns:
        ``model``, ``n``, the scores of :func:`~htl_monai.analysis.comparison.scores_in` (images without one, NaN, are
        left out of its mean); of masks ``mean_iou`` and ``dice``, the mean of both classes'; of classes
        ``mean_average_precision``, that of the classes with a positive image.
    """
    rows, names = [], scores_in(scores.values())
    for model, found in scores.items():
        table = table_of(found, 0.0)
        row: dict[str, Any] = {"model": model, "n": len(table)} | {
            name: table[name].astype(float).mean() for name in names
        }
        for name, of in (("mean_iou", "iou"), ("dice", "dice")):
            both = (f"foreground_{of}", f"background_{of}")
            if set(both) <= set(names):
                row[name] = (row[both[0]] + row[both[1]]) / 2
        if {"probability", "label"} <= set(found):
            precision = average_precision(found["label"].values, found["probability"].isel(level=0).values)
            row["mean_average_precision"] = pd.Series(precision).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def mean_by(tables: Sequence[pd.DataFrame], column: str) -> pd.DataFrame:
    """Return the means over the seeds of the rows that share a value of ``column``, in the order in which they come."""
    means = pd.concat(tables).groupby(column, sort=False).mean(numeric_only=True)
    if "n" in means:
        means["n"] = means["n"].astype(int)
    means.insert(0, "n_seeds", len(tables))
    return means.reset_index()


def forgetting_over_seeds(mined: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per image: its mean forgetting in the seeds that learned it; never learned means in none.

    Args:
        mined: the forgetting table of each seed at one sparsity.
    """
    bounded = [
        table.assign(
            forgetting_relative=bounded_forgetting(table["forgetting_relative"]), never_learned=never_learned_in(table)
        )
        for table in mined
    ]
    images = pd.concat(bounded).groupby("id")
    drops = ["forgetting", "forgetting_relative"]
    means = images[drops].mean().join(images["never_learned"].all())
    return mined[0].drop(columns=[*drops, "never_learned", "rank"], errors="ignore").join(means, on="id")
