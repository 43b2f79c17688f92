"""Draws the results of a run together: impact of pruning, whom it hits, and whether fine-tuning helped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.detection import detection
from htl_monai.analysis.groups import age_group, group_summary
from htl_monai.analysis.impact import impact_of_pruning
from htl_monai.analysis.statistics import compare
from htl_monai.data.files import write_csv
from htl_monai.metrics.segmentation import SCORE_NAMES

__all__ = ["groups_of_forgetting", "mean_scores", "write_summary"]

GROUPS = ("sex", "age_group", "diagnosis", "hard_group")


def write_summary(
    forgetting_path: str | os.PathLike[str],
    scores_paths: Mapping[str, str | os.PathLike[str]],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Write the closing tables of a run.

    Args:
        forgetting_path: ``forgetting.csv`` of the training images.
        scores_paths: ``scores.csv`` of each model on the same test images, by model; ``dense`` is the reference, and
            where ``htl`` and ``random`` are there, these two are compared with each other too.
        out_dir: where the tables go.
        sparsity: the sparsity whose forgetting is broken down by group and held against planted groups.
        seed: of the bootstrap.

    Returns:
        The tables by name, as written: ``scores`` (mean of each score and model), ``comparison`` (paired differences
        with 95 % bootstrap intervals), ``impact`` (what each sparsity costs, paper 1, Table 1), ``groups`` (forgetting
        by sex, age, diagnosis), and ``detection`` (how well mining found planted images, beside the plain ranking by
        the dense network's error) where some are planted.
    """
    table = pd.read_csv(forgetting_path, dtype={"id": str})
    scores = {model: pd.read_csv(path, dtype={"id": str}) for model, path in scores_paths.items()}
    mined = table[np.isclose(table["sparsity"], sparsity)]
    tables = {
        "scores": mean_scores(scores),
        "comparison": _comparison(scores, seed),
        "impact": impact_of_pruning(table),
        "groups": groups_of_forgetting(mined, seed),
    }
    if "hard" in mined:
        tables["detection"] = _detection(mined)
    for name, content in tables.items():
        write_csv(Path(out_dir) / f"{name}.csv", content)
    return tables


def mean_scores(scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row a model: images, the mean of each score over images, and what Table 2 of paper 1 makes of them.

    ``mean_iou`` is the mean of both classes' IoU; ``dice`` the mean of both classes' Dice. Images without a score in
    a class (NaN) are left out of that class's mean.
    """
    rows = []
    for model, table in scores.items():
        means = {name: table[name].mean() for name in SCORE_NAMES}
        rows.append(
            {"model": model, "n": len(table)}
            | means
            | {
                "mean_iou": (means["foreground_iou"] + means["background_iou"]) / 2,
                "dice": (means["foreground_dice"] + means["background_dice"]) / 2,
            }
        )
    return pd.DataFrame(rows)


def groups_of_forgetting(mined: pd.DataFrame, seed: int = 0, forgotten_share: float = 0.4) -> pd.DataFrame:
    """Return forgetting by group: sex, age group, diagnosis and planted group, where the table has them.

    Args:
        mined: the forgetting table at one sparsity.
        seed: of the bootstrap.
        forgotten_share: the relative drop from which an image counts as forgotten.

    Returns:
        One row a group: ``column``, the fields of :func:`~htl_monai.analysis.groups.group_summary` for the relative
        forgetting, ``share_of_images`` and ``share_of_forgotten`` (both in [0, 1], over images of known group).
    """
    mined = mined.assign(lost=(mined["forgetting_relative"] >= forgotten_share).astype(float))
    if "age" in mined:
        mined = mined.assign(age_group=age_group(mined["age"]))
    parts = []
    for column in GROUPS:
        if column not in mined or mined[column].isna().all():
            continue
        summary = group_summary(mined, column, "forgetting_relative", seed=seed)
        names = mined[column].astype(object)
        lost = names[mined["lost"] == 1].dropna()
        share = names.dropna().value_counts(normalize=True)
        lost_share = lost.value_counts(normalize=True)
        summary["share_of_images"] = summary["group"].map(share).astype(float)
        known = summary["group"].isin(share.index)
        summary["share_of_forgotten"] = (
            summary["group"]
            .map(lost_share)
            .astype(float)
            .where(~known | summary["group"].isin(lost_share.index), 0.0 if len(lost) else np.nan)
        )
        parts.append(summary.assign(column=column)[["column", *summary.columns]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["column", "group", "n"])


def _detection(mined: pd.DataFrame) -> pd.DataFrame:
    rankings = {
        "forgetting_relative": mined["forgetting_relative"],
        "forgetting": mined["forgetting"],
        "dense_error": 1 - mined["foreground_iou_dense"],
    }
    found = {name: detection(ranking, mined["hard"]) for name, ranking in rankings.items()}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("ranking").reset_index()


def _comparison(scores: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    parts = [compare(scores, "dense", seed=seed).assign(reference="dense")]
    if {"htl", "random"} <= set(scores):
        pair = {model: scores[model] for model in ("random", "htl")}
        parts.append(compare(pair, "random", seed=seed).assign(reference="random"))
    comparison = pd.concat(parts, ignore_index=True)
    return comparison[["model", "reference", *(c for c in comparison.columns if c not in ("model", "reference"))]]
