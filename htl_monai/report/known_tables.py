"""Reads the tables of a folder that a report speaks of, and checks them: anybody may have edited one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from htl_monai.data.files import read_table

__all__ = ["OF_AUDIT", "TABLES", "read_tables", "rows_in"]

_OF_GROUPS = "n n_missing mean low high gap_whole gap_best p p_holm"
_COMPARED = "difference low high p_value p_holm n_seeds"

# What a table must have, and which of its columns are numbers where it has them.
TABLES: Mapping[str, tuple[str, str]] = {
    "groups": ("measure column group n mean", _OF_GROUPS),
    "pairs": ("measure column group n mean", _OF_GROUPS),
    "slices": ("measure slice", "n_found mean_found n_confirmed mean_confirmed low high gap p_holm"),
    "rankings": ("ranking n", "n spearman_error n_bad auroc average_precision"),
    "scores": ("model n", "n n_seeds"),
    "comparison": ("model reference score", _COMPARED),
    "arms": ("arm reference class difference", _COMPARED),
    "overall": ("compression sparsity ap_mean", "sparsity ap_mean ap_std"),
    "notes": ("note", ""),
    "pie_notes": ("note", ""),
    "skipped": ("id reason", ""),
}
OF_AUDIT = ("groups", "pairs", "slices", "rankings", "notes", "skipped")
"""Those that an audit has, too; its ``scores.csv`` is another one than that of a run."""


def read_tables(folder: Path, names: Iterable[str] = tuple(TABLES)) -> dict[str, pd.DataFrame]:
    """Return those of :data:`TABLES` that a folder has, numbers as numbers and text as text.

    Raises:
        ValueError: a file is no such table; column and value are named.
    """
    paths = {name: folder / f"{name}.csv" for name in names}
    return {name: _checked(path, *TABLES[name]) for name, path in paths.items() if path.is_file()}


def _checked(path: Path, needed: str, numbers: str) -> pd.DataFrame:
    table = read_table(path, text=("group", "note", "model", "slice", "column"))
    lacking = [name for name in needed.split() if name not in table]
    if lacking:
        raise ValueError(
            f"{path} must have the columns {', '.join(needed.split())}, got none called {', '.join(lacking)}; make it "
            "anew, or remove it"
        )
    for name in table.columns.intersection(numbers.split()):
        found = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name].notna() & found.isna()
        if wrong.any():
            raise ValueError(
                f"{path} must have numbers in the column {name}, got {table[name][wrong].iloc[0]!r}; make it anew, or "
                "remove it"
            )
        table[name] = found.astype(float)
    return table


def rows_in(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, each by its columns' names."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
