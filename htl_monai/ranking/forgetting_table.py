"""What every sample lost at every level, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from htl_monai.ranking.hardness import (
    BOX_EDGES,
    forgetting,
    hardness,
    hardness_rank,
    is_never_learned,
    relative_forgetting,
)
from htl_monai.scores import at_level, score_of, table_of

__all__ = ["forgetting_table", "nearest_level", "primary_column"]

USUAL_LEVEL = 0.7
"""The sparsity of Attend Who is Weak."""


def forgetting_table(scores: xr.Dataset, level: float | None = None) -> pd.DataFrame:
    """Lay out what every sample lost of the primary score (Attend Who is Weak, Algorithm 1, line 4).

    Args:
        scores: of one seed, dense and pruned.
        level: only this one; by default all.

    Returns:
        What :func:`~htl_monai.scores.table_of` returns, and ``forgetting`` (absolute, higher = harder),
        ``forgetting_relative`` (share of the dense score that is lost; NaN where that is 0), ``never_learned`` (see
        :mod:`htl_monai.ranking.hardness`) and ``rank`` (1 = hardest at this sparsity: those never learned, then by
        falling relative forgetting; ties in the order of the data list). Scores are NaN, and the rank is missing, where
        there is nothing to measure.

    Raises:
        KeyError: nothing was measured at ``level``.
    """
    if level is not None:
        scores = scores.sel(level=[0.0, float(at_level(scores, level)["level"])])
    table, name = table_of(scores), primary_column(scores)
    before, after = table[f"{name}_dense"], table[f"{name}_pruned"]
    table["forgetting"] = forgetting(before, after)
    table["forgetting_relative"] = relative_forgetting(before, after)
    edge = next((table[f"{name}_dense"] for name in BOX_EDGES if f"{name}_dense" in table), None)
    table["never_learned"] = is_never_learned(before, edge)
    hard = pd.Series(hardness(table["forgetting_relative"], table["never_learned"]))
    table["rank"] = hard.groupby(table["sparsity"]).transform(hardness_rank).astype("Int64")
    return table


def nearest_level(scores: xr.Dataset, level: float = USUAL_LEVEL) -> float:
    """Return the pruned level that is nearest to one.

    Raises:
        ValueError: there is none.
    """
    pruned = scores["level"].values[scores["level"].values > 0]
    if not len(pruned):
        raise ValueError("scores must be of pruned networks, got the dense one alone; mine at sparsities above 0")
    return float(pruned[np.abs(pruned - level).argmin()])


def primary_column(scores: xr.Dataset) -> str:
    """Return the name that the primary score has in tables."""
    name = scores.attrs["primary"]
    return f"foreground_{name}" if "class" in score_of(scores).dims else str(name)
