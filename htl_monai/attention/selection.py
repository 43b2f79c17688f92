"""Chooses the hard-to-learn images from what was mined, and as many random ones to compare with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from htl_monai.data.files import read_json, sha256, write_json
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.ranking.hardness import hardness, never_learned_in
from htl_monai.ranking.selection import select, select_random
from htl_monai.scores import read_scores

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
    mined_path: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    rule: str = "threshold",
    amount: float = 0.4,
    relative: bool = True,
    seed: int = 0,
    never_learned: str = "exclude",
) -> dict[str, int]:
    """Write ``htl.json`` and ``random.json``: data lists, the rule that chose them, and the scores they come from.

    Args:
        data: the data list that was mined.
        mined_path: its ``scores.nc``.
        out_dir: the folder of the two files.
        sparsity: the level that counts.
        rule: see :func:`~htl_monai.ranking.selection.select`.
        amount: see :func:`~htl_monai.ranking.selection.select`.
        relative: see :func:`select_hard`.
        seed: of the random choice.
        never_learned: see :func:`~htl_monai.ranking.selection.select`.

    Returns:
        ``n_selected``, ``n_total`` (mined), ``n_never_learned`` and ``n_unmeasured`` (nothing to measure, never
        chosen).

    Raises:
        KeyError: ``sparsity`` was not mined.
        ValueError: the scores are of another data list, or nothing is selected.
    """
    rows = rows_at(mined_path, sparsity, data)
    by_id = {item["id"]: item for item in data}
    hard = select_hard(rows, rule, amount, relative, never_learned)
    counts = {"n_selected": len(hard), "n_total": len(rows), **count_left_out(rows)}
    kind = {"kind": rule, "amount": amount, "relative": relative, "sparsity": sparsity, "never_learned": never_learned}
    choices = {
        "htl": (hard, kind),
        "random": (select_random(list(by_id), len(hard), seed), {"kind": "random", "count": len(hard), "seed": seed}),
    }
    for name, (ids, described) in choices.items():
        content = {"rule": described, **counts, "scores_sha256": sha256(mined_path), "data": [by_id[i] for i in ids]}
        write_json(Path(out_dir) / f"{name}.json", content)
    return counts


def rows_at(mined_path: str | os.PathLike[str], sparsity: float, data: Sequence[Item]) -> pd.DataFrame:
    """Return the forgetting table of one sparsity, one row per image.

    Raises:
        KeyError: ``sparsity`` was not mined.
        ValueError: the scores name an image that ``data`` lacks, or are none.
    """
    rows = forgetting_table(read_scores(mined_path), sparsity)
    known = {item["id"] for item in data}
    unknown = [id_ for id_ in rows["id"] if id_ not in known]
    if unknown:
        raise ValueError(
            f"{mined_path} must be of this data list, got {len(unknown)} unknown ids, first {unknown[0]}; mine it again"
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
