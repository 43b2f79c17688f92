"""Whom pruning makes forget: forgetting and the forgotten images by age, sex, diagnosis or any other column."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from htl_monai.analysis.groups import UNKNOWN, grouping, groups_table
from htl_monai.ranking.hardness import bounded_forgetting, never_learned_in
from htl_monai.statistics.share_interval import share_interval


def groups_of_forgetting(
    mined: pd.DataFrame,
    seed: int = 0,
    forgotten_share: float = 0.4,
    columns: Iterable[Hashable] = ("sex", "age", "diagnosis", "site", "hard_group"),
) -> pd.DataFrame:
    """Return forgetting by group of patients.

    In the means no image counts as less than -1 (see :func:`~htl_monai.ranking.hardness.bounded_forgetting`).

    Args:
        mined: the forgetting table at one sparsity.
        forgotten_share: the relative drop from which an image counts as forgotten.
        columns: the metadata to group by, as far as the table has them.

    Returns:
        The rows of :func:`~htl_monai.analysis.groups.groups_table` for the relative forgetting, with ``sparsity`` where
        the table names it, ``n_forgotten``, ``n_never_learned`` (images that the dense network never learned: they are
        hard, and have no relative forgetting), ``share_of_images`` and ``share_of_forgotten`` (both in [0, 1], over
        images of known group), and the exact interval of the latter, ``share_of_forgotten_low`` and
        ``share_of_forgotten_high``.
    """
    mined, columns = mined.reset_index(drop=True), [name for name in columns if name in mined]
    lost, never_learned = mined["forgetting_relative"] >= forgotten_share, pd.Series(never_learned_in(mined))
    bounded = mined.assign(forgetting_relative=bounded_forgetting(mined["forgetting_relative"]))
    table = groups_table(bounded, {"forgetting_relative": False}, columns, seed=seed)
    if "sparsity" in mined and len(mined):
        table.insert(0, "sparsity", mined["sparsity"].iloc[0])
    groups = grouping(mined, columns)
    counted = {"n_forgotten": lost, "n_never_learned": never_learned}
    named = table[["column", "group"]].itertuples(index=False)
    rows = [_counts(groups[column], group, counted, mined) for column, group in named]
    return table.join(pd.DataFrame(rows, table.index))


def _counts(groups: pd.Series, group: str, counted: dict[str, pd.Series], mined: pd.DataFrame) -> dict[str, float]:
    """Count the images of one group: how many were forgotten or never learned, and its share of all of known group."""
    known, inside = groups.notna(), groups.isna() if group == UNKNOWN else groups == group
    counts = {name: int((inside & which).sum()) for name, which in counted.items()}
    lost = known & counted["n_forgotten"]
    shares = {"share_of_images": np.nan, "share_of_forgotten": np.nan}
    low = high = np.nan
    if group != UNKNOWN:
        subjects = mined.loc[lost, "subject"] if "subject" in mined else None
        low, high = share_interval(inside[lost], subjects=subjects)
        if inside.any():
            shares = {"share_of_images": inside.sum() / known.sum(), "share_of_forgotten": inside[lost].mean()}
    return {**shares, **counts, "share_of_forgotten_low": low, "share_of_forgotten_high": high}
