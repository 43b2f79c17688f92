"""Writes what to train on next to learn whether forgotten images are hard or noisy: four data lists, one per arm."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.attention.selection import PIE_ARMS
from htl_monai.data.files import sha256, write_csv, write_json
from htl_monai.data.readers.listing import Item, require_unique_ids
from htl_monai.data.readers.multi_label import label_matrix
from htl_monai.ranking.hardness import hardness_rank
from htl_monai.ranking.label_quality import label_quality
from htl_monai.ranking.pie_spearman import class_order_lost, rank_correlation
from htl_monai.ranking.pie_taxicab import taxicab
from htl_monai.ranking.selection import check_never_learned, select_random, top_share
from htl_monai.scores import at_level, in_order, join_seeds

__all__ = ["mined_of_seeds", "write_pie_selections"]


def mined_of_seeds(run_dir: str | os.PathLike[str], seeds: Sequence[int]) -> list[Path]:
    """Return where the stages ``mining_training`` of a run wrote their scores, in the order of the seeds."""
    return [Path(run_dir) / f"seed_{seed}" / "mining_training" / "scores.nc" for seed in seeds]


def write_pie_selections(
    data: Sequence[Item],
    mined_paths: Sequence[str | os.PathLike[str]],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.9,
    share: float = 0.05,
    times: int = 4,
    seed: int = 0,
    never_learned: str = "exclude",
) -> dict[str, int]:
    """Find the pruning-identified exemplars (PIEs) of the training images and write ``pies.csv`` and a list per arm.

    ``left_alone.json`` has every image once; ``upweighted.json`` has each PIE ``times`` times; ``removed.json`` is
    without the PIEs; ``removed_random.json`` without as many random others, because fewer images alone make a
    difference. PIEs are those of PruneCXR: the probabilities are averaged over the seeds, and the images of the lowest
    rank correlation between dense and pruned are chosen; with a single class, which has none, those of the largest
    distance.

    ``pies.csv`` has ``id``, ``spearman``, ``taxicab``, ``never_learned`` (the dense networks give every class the same
    probability), ``rank`` (1 = hardest: those never learned first), ``is_pie`` and ``label_quality`` (see
    :func:`~htl_monai.ranking.label_quality.label_quality`). The networks were trained on these very images, so that the
    quality is too good: it may order images, and its height says little.

    Args:
        data: the training list.
        mined_paths: ``scores.nc`` of these images, one per seed, with sparsity 0 and ``sparsity``.
        out_dir: the folder of the five files.
        sparsity: where the pruned predictions are taken from.
        share: the share of the images that are PIEs, in (0, 0.5].
        times: how often a PIE stands in ``upweighted.json``, at least 2.
        seed: of the random removal.
        never_learned: what becomes of images that the dense networks never learned: ``exclude`` makes none of them a
            PIE, ``include`` makes them PIEs first, ``only`` makes no others PIEs.

    Returns:
        ``n_total``, ``n_pies``, ``n_never_learned`` and ``n_unranked`` (images whose rank correlation cannot be
        measured).

    Raises:
        KeyError: nothing was mined at ``sparsity``.
        ValueError: the scores are of other images, or an option is out of range.
    """
    if not 0 < share <= 0.5:
        raise ValueError(f"share must be in (0, 0.5], got {share}; 0.05 is that of the paper")
    if times < 2 or times != int(times):
        raise ValueError(f"times must be a whole number from 2, got {times}; 1 would be the arm left_alone")
    check_never_learned(never_learned)
    require_unique_ids({"training": data})
    table = _pies(data, mined_paths, sparsity, share, never_learned)
    table_path = write_csv(Path(out_dir) / "pies.csv", table)
    ids = table["id"].tolist()
    pies, others = table.loc[table["is_pie"], "id"].tolist(), table.loc[~table["is_pie"], "id"].tolist()
    unlucky = set(select_random(others, len(pies), seed))
    kind = {"kind": "pie", "by": _ranked_by(table), "sparsity": sparsity, "share": share}
    kind |= {"never_learned": never_learned}
    lists: dict[str, tuple[list[str], dict[str, Any]]] = {
        "left_alone": (ids, {"kind": "all"}),
        "upweighted": (ids + pies * (int(times) - 1), kind | {"times": int(times)}),
        "removed": (others, kind),
        "removed_random": ([i for i in ids if i not in unlucky], {"kind": "random", "count": len(pies), "seed": seed}),
    }
    counts = {"n_total": len(ids), "n_pies": len(pies), "n_never_learned": int(table["never_learned"].sum())}
    counts["n_unranked"] = int(table["spearman"].isna().sum())
    by_id = {item["id"]: item for item in data}
    for arm in PIE_ARMS:
        chosen, rule = lists[arm]
        content = {"rule": {"arm": arm, **rule}, **counts, "table_sha256": sha256(table_path)}
        write_json(Path(out_dir) / f"{arm}.json", {**content, "data": [by_id[id_] for id_ in chosen]})
    return counts


def _pies(
    data: Sequence[Item],
    mined_paths: Sequence[str | os.PathLike[str]],
    sparsity: float,
    share: float,
    never_learned: str,
) -> pd.DataFrame:
    ids = [item["id"] for item in data]
    scores = in_order(join_seeds(dict(enumerate(mined_paths))), ids, mined_paths[0], "training")["probability"]
    dense, pruned = (at_level(scores, at).values.mean(axis=0, dtype=np.float64) for at in (0.0, sparsity))
    table = pd.DataFrame({"id": ids, "spearman": rank_correlation(dense, pruned), "taxicab": taxicab(dense, pruned)})
    hard = class_order_lost(dense, pruned) if _ranked_by(table) == "spearman" else table["taxicab"].to_numpy()
    unlearned = hard == np.inf
    table["never_learned"], table["rank"] = unlearned, hardness_rank(hard)
    taken = {"exclude": ~unlearned, "include": np.isfinite(hard) | unlearned, "only": unlearned}[never_learned]
    if not taken.any():
        raise ValueError(
            f"never_learned must leave an image to choose, got {never_learned!r} while {int(unlearned.sum())} of "
            f"{len(hard)} were never learned; set it to include"
        )
    table["is_pie"] = top_share(np.where(taken, hard, np.nan), share)
    table["label_quality"] = label_quality(label_matrix(data), np.clip(dense, 0, 1))
    return table


def _ranked_by(table: pd.DataFrame) -> str:
    """Name the column that PIEs are found by: a single class has no rank correlation, only a distance."""
    return "taxicab" if table["spearman"].isna().all() else "spearman"
