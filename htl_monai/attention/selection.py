"""Chooses the hard-to-learn images from a forgetting table, and as many random ones to compare with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from htl_monai.data.files import read_json, read_table, sha256, write_json
from htl_monai.ranking.hardness import hardness, never_learned_in
from htl_monai.ranking.selection import select, select_random

__all__ = [
    "PIE_ARMS",
    "count_left_out",
    "read_selection",
    "rows_at",
    "select_hard",
    "write_selections",
]

PIE_ARMS = ("left_alone", "upweighted", "removed", "removed_random")
"""What is done with training images that pruning identified (PruneCXR), to learn whether they are hard or noisy."""

Item = Mapping[str, Any]


def select_hard(
    table: pd.DataFrame,
    rule: str = "threshold",
    amount: float = 0.4,
    relative: bool = True,
    never_learned: str = "exclude",
) -> list[str]:
    """Return the ids of the hard-to-learn images of a forgetting table at one sparsity, hardest first.

    Args:
        table: one row per image.
        rule: see :func:`~htl_monai.ranking.selection.select`, as ``amount`` and ``never_learned``.
        relative: rank by the share of the dense score that is lost; otherwise by the absolute drop.
    """
    drop = table["forgetting_relative" if relative else "forgetting"]
    return select(hardness(drop, never_learned_in(table)), table["id"].tolist(), rule, amount, never_learned)


def write_selections(
    data: Sequence[Item],
    table_path: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    rule: str = "threshold",
    amount: float = 0.4,
    relative: bool = True,
    seed: int = 0,
    never_learned: str = "exclude",
) -> dict[str, int]:
    """Write ``htl.json`` and ``random.json``: data lists, the rule that chose them, and the table they come from.

    Args:
        data: the data list that was mined.
        table_path: its ``forgetting.csv``.
        out_dir: the folder of the two files.
        sparsity: which rows of the table count.
        rule: see :func:`~htl_monai.ranking.selection.select`.
        amount: see :func:`~htl_monai.ranking.selection.select`.
        relative: see :func:`select_hard`.
        seed: of the random choice.
        never_learned: see :func:`~htl_monai.ranking.selection.select`.

    Returns:
        ``n_selected``, ``n_total`` (mined), ``n_never_learned`` and ``n_unmeasured`` (nothing to measure, never
        chosen).

    Raises:
        ValueError: the table has no row of ``sparsity``, is of another data list, or nothing is selected.
    """
    rows = rows_at(table_path, sparsity, data)
    by_id = {item["id"]: item for item in data}
    hard = select_hard(rows, rule, amount, relative, never_learned)
    counts = {"n_selected": len(hard), "n_total": len(rows), **count_left_out(rows)}
    kind = {"kind": rule, "amount": amount, "relative": relative, "sparsity": sparsity, "never_learned": never_learned}
    choices = {
        "htl": (hard, kind),
        "random": (select_random(list(by_id), len(hard), seed), {"kind": "random", "count": len(hard), "seed": seed}),
    }
    for name, (ids, described) in choices.items():
        content = {"rule": described, **counts, "table_sha256": sha256(table_path), "data": [by_id[i] for i in ids]}
        write_json(Path(out_dir) / f"{name}.json", content)
    return counts


def rows_at(table_path: str | os.PathLike[str], sparsity: float, data: Sequence[Item]) -> pd.DataFrame:
    """Return the rows of one sparsity of a forgetting table, one per image.

    Raises:
        ValueError: the table has no row of ``sparsity``, names an image that ``data`` lacks, or is no forgetting table.
    """
    table = read_table(table_path)
    if not {"id", "sparsity"} <= {*table} or not is_numeric_dtype(table["sparsity"]):
        raise ValueError(
            f"{table_path} must have the columns id and sparsity, the latter of numbers, got {list(table.columns)}; "
            "mine it again"
        )
    rows = table[np.isclose(table["sparsity"], sparsity)]
    if rows.empty:
        mined = ", ".join(f"{value:g}" for value in sorted(table["sparsity"].unique()))
        raise ValueError(f"sparsity must be one of {table_path}: {mined}, got {sparsity}; mine it or choose another")
    known = {item["id"] for item in data}
    unknown = [id_ for id_ in rows["id"] if id_ not in known]
    if unknown:
        raise ValueError(
            f"{table_path} must be of this data list, got {len(unknown)} unknown ids, first {unknown[0]}; mine it again"
        )
    return rows


def count_left_out(rows: pd.DataFrame) -> dict[str, int]:
    """Return ``n_never_learned``, and ``n_unmeasured``: for how many of the others there was nothing to measure."""
    unlearned = never_learned_in(rows)
    return {
        "n_never_learned": int(unlearned.sum()),
        "n_unmeasured": int((rows["forgetting"].isna() & ~unlearned).sum()),
    }


def read_selection(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read the data list of a selection file, hardest first; a relative mask path is one from the file's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no selection.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"selection {path} does not exist; run the stage selecting or correct the path")
    content = read_json(path, "run the stage selecting again")
    if not isinstance(content.get("data"), list) or not all(isinstance(item, dict) for item in content["data"]):
        raise ValueError(f"selection {path} must hold a data list under 'data'; give a file of the stage selecting")
    folder = Path(path).absolute().parent
    return [
        item | ({"label": os.path.normpath(folder / item["label"])} if isinstance(item.get("label"), str) else {})
        for item in content["data"]
    ]
