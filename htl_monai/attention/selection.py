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
from htl_monai.metrics.forgetting import hardness, never_learned_in

__all__ = [
    "NEVER_LEARNED",
    "PIE_ARMS",
    "RULES",
    "check_never_learned",
    "count_left_out",
    "read_selection",
    "rows_at",
    "select_hard",
    "select_random",
    "write_selections",
    "wrong_amount",
]

RULES = ("threshold", "top", "count")
NEVER_LEARNED = ("exclude", "include", "only")
"""What becomes of images that the dense network never learned: left out, the hardest of all, or chosen alone."""
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
    """Return the ids of the hard-to-learn images, hardest first (Attend Who is Weak, Algorithm 1, line 4).

    Args:
        table: the forgetting table at one sparsity, one row per image.
        rule: ``threshold`` takes the images that lose at least ``amount`` (the paper reports those that lose 40 %);
            ``top`` takes the fraction ``amount`` of the measured images, at least one, that lose most; ``count`` takes
            ``amount`` of them.
        amount: see ``rule``.
        relative: rank by the share of the dense score that is lost; otherwise by the absolute drop.
        never_learned: what becomes of images that the dense network never learned. ``exclude`` leaves them out, as the
            paper does, which can say of none of them what it lost; ``include`` ranks them before all others, and they
            reach every threshold; ``only`` chooses among them alone.

    Returns:
        Ids by falling forgetting; ties keep the order of the table. Images with nothing to measure (NaN) are never
        chosen.

    Raises:
        ValueError: an unknown rule or choice, an amount outside its range, an image that is there twice, or no image
            chosen.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}; choose one of them")
    problem = wrong_amount(rule, amount)
    if problem is not None:
        raise ValueError(problem)
    check_never_learned(never_learned)
    if table["id"].duplicated().any():
        raise ValueError(
            f"table must have one row per image, got {table['id'].duplicated().sum()} repeated ids; "
            "keep the rows of one sparsity"
        )
    ranked = _ranked(table, "forgetting_relative" if relative else "forgetting", never_learned)
    if rule == "threshold":
        chosen = ranked[ranked >= amount]
    else:
        chosen = ranked.head(max(1, round(amount * len(ranked))) if rule == "top" else int(amount))
    if chosen.empty:
        raise ValueError(
            f"amount must leave at least one image, got {amount} for rule {rule} while the largest forgetting is "
            f"{ranked.max():.3f}; lower it, choose a higher sparsity, or use rule top"
        )
    return chosen.index.tolist()


def select_random(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` ids, drawn without replacement: what any fine-tuning gains (Attend Who is Weak, Baseline 4).

    Raises:
        ValueError: ``count`` is larger than the number of ids.
    """
    if count > len(ids):
        raise ValueError(f"count must be at most {len(ids)}, the number of images, got {count}; ask for fewer")
    return [str(id_) for id_ in np.random.default_rng(seed).choice(np.asarray(ids, dtype=object), count, replace=False)]


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
        rule: see :func:`select_hard`.
        amount: see :func:`select_hard`.
        relative: see :func:`select_hard`.
        seed: of the random choice.
        never_learned: see :func:`select_hard`.

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


def check_never_learned(choice: str) -> None:
    """Refuse what is no choice of :data:`NEVER_LEARNED`.

    Raises:
        ValueError: it is none.
    """
    if choice not in NEVER_LEARNED:
        raise ValueError(
            f"never_learned must be one of {', '.join(NEVER_LEARNED)}, got {choice!r}; exclude leaves out the images "
            "that the dense network never learned"
        )


def _ranked(table: pd.DataFrame, column: str, never_learned: str) -> pd.Series:
    """Return the hardness of the images that may be chosen, hardest first, by id."""
    hard = pd.Series(hardness(table[column], never_learned_in(table)), index=table["id"]).dropna()
    unlearned = hard == np.inf
    taken = {"exclude": ~unlearned, "include": hard.notna(), "only": unlearned}[never_learned]
    if not taken.any():
        wanted, advice = (
            ("that was never learned", "set never_learned to include or exclude")
            if never_learned == "only"
            else (f"whose {column} can be measured", "train longer, or look at the validation score")
        )
        raise ValueError(
            f"table must have an image {wanted}, got none of {len(table)}, of which the dense network finds nothing in "
            f"{int(unlearned.sum())}; {advice}"
        )
    return hard[taken].sort_values(ascending=False, kind="stable")


def wrong_amount(rule: str, amount: float, before: str = "") -> str | None:
    """Say what is wrong with the amount of a rule of :data:`RULES`, in a sentence; None where nothing is.

    Args:
        rule: see :func:`select_hard`.
        amount: see :func:`select_hard`.
        before: stands before the names of the two, such as ``labelled_``.

    Example:
        >>> wrong_amount("top", 20)
        'amount must be in (0, 1] for rule top, got 20; give the fraction of images to take, or take rule count'
    """
    good, must = 0 < amount <= 1, "in (0, 1]"
    if rule == "count":
        good, must = amount >= 1 and amount == int(amount), "a whole number from 1"
    do = {
        "count": "give a number of images, or take rule top",
        "top": "give the fraction of images to take, or take rule count",
        "threshold": "give the forgetting from which on an image is taken",
    }
    return None if good else f"{before}amount must be {must} for {before}rule {rule}, got {amount:g}; {do[rule]}"
