"""Tabulates what compressed weights really save and what they lose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

__all__ = ["Saving", "savings_table"]


class Saving(NamedTuple):
    """One layer at one amount.

    Args:
        layer: name of the weight.
        n_weights: number of its entries.
        n_stored: 32-bit numbers that have to be stored instead.
        lost: squared Frobenius norm of the change.
        energy: squared Frobenius norm of the dense weight.
    """

    layer: str
    n_weights: int
    n_stored: float
    lost: float
    energy: float


def savings_table(layers: Iterable[Saving]) -> pd.DataFrame:
    """Return one row per layer and a last row ``all``.

    Returns:
        ``layer``, ``n_weights``, ``n_stored``, ``saved`` (``1 - n_stored / n_weights``) and ``relative_error``
        (Frobenius norm of the change by that of the dense weight; NaN for a weight of zeros).

    Example:
        >>> savings_table([Saving("a", 4, 1.0, 1.0, 4.0), Saving("b", 4, 4.0, 0.0, 12.0)])
          layer  n_weights  n_stored  saved  relative_error
        0     a          4       1.0  0.750            0.50
        1     b          4       4.0  0.000            0.00
        2   all          8       5.0  0.375            0.25
    """
    table = pd.DataFrame(layers, columns=list(Saving._fields))
    table.loc[len(table)] = ["all", *table.drop(columns="layer").sum()]
    table["n_weights"] = table["n_weights"].astype("int64")
    table["saved"] = 1 - table["n_stored"] / table["n_weights"]
    table["relative_error"] = (table.pop("lost") / table.pop("energy")) ** 0.5
    return table
