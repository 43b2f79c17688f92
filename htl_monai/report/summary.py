"""Draws the results of a run together: impact of pruning, whom it hits, and whether fine-tuning helped."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.detection import detection_by_rankings, detection_of_groups
from htl_monai.analysis.groups import UNKNOWN, age_group, group_summary
from htl_monai.analysis.impact import impact, is_of_boxes
from htl_monai.analysis.statistics import SCORE_NAMES, compare
from htl_monai.data.files import read_table, write_csv
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.ranking.hardness import bounded_forgetting, hardness, never_learned_in
from htl_monai.report.compared_arms import pairs_of
from htl_monai.report.run_notes import run_notes
from htl_monai.scores import read_scores, table_of
from htl_monai.statistics.holm import holm
from htl_monai.statistics.share_interval import share_interval

__all__ = ["at_sparsity", "groups_of_forgetting", "mean_scores", "run_tables", "score_names", "write_summary"]

# Of these, the ones that the tables have; the last two where the localization is a heat map.
SCORES = (*SCORE_NAMES, "box_iou", "box_foreground_iou")
GROUPS = ("sex", "age_group", "diagnosis", "site", "hard_group")


def write_summary(
    run_dir: str | os.PathLike[str],
    models: Sequence[str],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    seed: int = 0,
    use_unlabelled: bool = False,
    baselines: Collection[str] = (),
) -> dict[str, pd.DataFrame]:
    """Write the closing tables of a run.

    Where images without mask were mined beside those with masks, they are the ones that groups and detection are about:
    they are what the fine-tuning chose from.

    Args:
        run_dir: the folder of the run, with its stages.
        models: the arms that were evaluated; ``dense`` is the reference, and the first of the others is
            compared with the rest, too.
        out_dir: where the tables go.
        sparsity: the sparsity whose forgetting is broken down by group and compared with planted groups.
        seed: of the bootstrap.
        use_unlabelled: images without mask were mined beside the training images.
        baselines: further models, that no training made; they are scored, and not compared.

    Returns:
        The tables by name, as written: ``scores`` (mean of each score and model), ``comparison`` (paired differences
        with 95 % intervals over the test images, or their subjects, and p-values corrected over the table), ``impact``
        (what each sparsity costs the masks, Attend Who is Weak, Table 1, or how far it moves the boxes where the
        training images have no masks), ``impact_unlabelled`` (the latter, of
        images without mask) where there are some, ``groups`` (forgetting by sex, age, diagnosis, site), and
        ``detection`` (how well mining found planted images, beside what needs no pruning: the dense network's error, or
        how unsure the pseudo-labels are) where some are planted; and ``notes``, sentences on networks of no use.
    """
    run = Path(run_dir)
    table = forgetting_table(read_scores(run / "mining" / "scores.nc"))
    unlabelled = forgetting_table(read_scores(run / "mining_unlabelled" / "scores.nc")) if use_unlabelled else None
    pseudo_labels = run / "pseudo_labelling" / "pseudo_labels.csv" if use_unlabelled else None
    paths = {model: run / f"evaluating_{model}" / "scores.nc" for model in (*models, *baselines)}
    scores = {model: table_of(read_scores(path), 0.0) for model, path in paths.items()}
    tables = run_tables(table, unlabelled, scores, sparsity, pseudo_labels, baselines)
    tables["comparison"] = _comparison({model: scores[model] for model in scores if model not in baselines}, seed)
    tables["groups"] = groups_of_forgetting(at_sparsity(table if unlabelled is None else unlabelled, sparsity), seed)
    for name, content in tables.items():
        write_csv(Path(out_dir) / f"{name}.csv", content)
    return tables


def run_tables(
    mined: pd.DataFrame,
    unlabelled: pd.DataFrame | None,
    scores: Mapping[str, pd.DataFrame],
    sparsity: float,
    pseudo_labels_path: str | os.PathLike[str] | None = None,
    baselines: Collection[str] = (),
) -> dict[str, pd.DataFrame]:
    """Return the tables of :func:`write_summary` that say of each network what it does: all but comparison and groups.

    Args:
        mined: the forgetting table of the training images.
        unlabelled: that of images without mask beside them, or None.
        scores: score tables by model.
        sparsity: see :func:`write_summary`; so are the others.
    """
    chosen_from = mined if unlabelled is None else unlabelled
    tables = {"scores": mean_scores(scores), "impact": impact(mined)}
    if unlabelled is not None:
        tables["impact_unlabelled"] = impact(unlabelled)
    if "hard" in chosen_from:
        pseudo_labels = None if pseudo_labels_path is None else read_table(pseudo_labels_path)
        tables["detection"] = planted_detection(at_sparsity(chosen_from, sparsity), pseudo_labels)
    judged = {model: scores[model] for model in scores if model not in baselines}
    tables["notes"] = run_notes(mined, judged, chosen_from, sparsity)
    return tables


def at_sparsity(table: pd.DataFrame, sparsity: float) -> pd.DataFrame:
    """Return the rows of a forgetting table that are of one sparsity."""
    return table[np.isclose(table["sparsity"], sparsity)]


def mean_scores(scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per model: images, each score's mean over images, and the scores of Table 2 of Attend Who is Weak.

    ``mean_iou`` is the mean of both classes' IoU; ``dice`` the mean of both classes' Dice. Where the tables have them,
    ``box_iou`` (of the predicted box and the lesion's) and ``box_foreground_iou`` (of the filled box and the mask) are
    among the scores. Images without a score in a class (NaN) are left out of that class's mean.
    """
    rows, names = [], score_names(scores)
    for model, table in scores.items():
        means = {name: table[name].mean() for name in names}
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
    """Return forgetting by group: sex, age group, diagnosis, site and planted group, where the table has them.

    In the means no image counts as less than -1 (see :func:`~htl_monai.ranking.hardness.bounded_forgetting`).

    Args:
        mined: the forgetting table at one sparsity.
        seed: of the bootstrap.
        forgotten_share: the relative drop from which an image counts as forgotten.

    Returns:
        One row per group: ``sparsity`` where the table names it, ``column``, the fields of
        :func:`~htl_monai.analysis.groups.group_summary` for the relative forgetting, ``n_forgotten``,
        ``n_never_learned`` (images of the group that the dense network never learned: they are hard, and have no
        relative forgetting), ``share_of_images`` and ``share_of_forgotten`` (both in [0, 1], over images of known
        group), and the exact interval of the latter, ``share_of_forgotten_low`` and ``share_of_forgotten_high``.
    """
    mined = mined.assign(
        forgetting_relative=bounded_forgetting(mined["forgetting_relative"]),
        lost=(mined["forgetting_relative"] >= forgotten_share).astype(float),
        never_learned=never_learned_in(mined),
    )
    if "age" in mined:
        mined = mined.assign(age_group=age_group(mined["age"]))
    at = {"sparsity": mined["sparsity"].iloc[0]} if "sparsity" in mined and len(mined) else {}
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
        for count, counted in (("n_forgotten", mined["lost"] == 1), ("n_never_learned", mined["never_learned"])):
            summary[count] = _count(summary["group"], names[counted])
        ends = ["share_of_forgotten_low", "share_of_forgotten_high"]
        summary[ends] = _share_intervals(summary["group"], mined.loc[lost.index].assign(group=lost))
        parts.append(summary.assign(column=column, **at)[[*at, "column", *summary.columns]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["column", "group", "n"])


def _count(groups: pd.Series, found: pd.Series) -> pd.Series:
    """Count how often each group is found; those whose group is missing are of ``unknown``."""
    counts = found.where(found.notna(), UNKNOWN).value_counts()
    return groups.map(counts).astype(float).fillna(0).astype(int)


def _share_intervals(groups: pd.Series, forgotten: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the interval of each group's share of the forgotten images; NaN for images of unknown group."""
    return [
        (np.nan, np.nan)
        if group == UNKNOWN
        else share_interval(forgotten["group"] == group, subjects=forgotten.get("subject"))
        for group in groups
    ]


def score_names(scores: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the scores that every table has; those of masks are asked of each."""
    return [name for name in SCORES if name in SCORE_NAMES or all(name in table for table in scores.values())]


def planted_detection(mined: pd.DataFrame, pseudo_labels: pd.DataFrame | None) -> pd.DataFrame:
    """Hold the rankings of mining, and what needs no pruning, against the planted images.

    In both rankings of mining the images that were never learned come first.

    Args:
        mined: a forgetting table at one sparsity, with ``hard`` and, where it is known, ``hard_group``.
        pseudo_labels: what the dense network made of these images, where they have no mask.

    Returns:
        One row per ranking: ``ranking``, the fields of :func:`~htl_monai.analysis.detection.detection`, those of
        :func:`~htl_monai.analysis.detection.detection_of_groups`, and ``n_never_learned``.
    """
    unlearned = never_learned_in(mined)
    rankings = {
        name: pd.Series(hardness(mined[name], unlearned), index=mined.index)
        for name in ("forgetting_relative", "forgetting")
    }
    if mined["forgetting"].equals(mined["forgetting_relative"]):
        del rankings["forgetting_relative"]  # the dense network agrees with itself: the share is of 1
    if pseudo_labels is not None:
        rankings["pseudo_label_doubt"] = 1 - mined["id"].map(pseudo_labels.set_index("id")["confidence"])
    elif not is_of_boxes(mined):
        rankings["dense_error"] = 1 - mined["foreground_iou_dense"]
    found = detection_by_rankings(pd.DataFrame(rankings), mined["hard"])
    if "hard_group" in mined:
        groups = mined["hard_group"].tolist()
        found = found.join(pd.DataFrame([detection_of_groups(ranking, groups) for ranking in rankings.values()]))
    return found.assign(n_never_learned=int(unlearned.sum()))


def _comparison(scores: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    names = score_names(scores)
    parts = [compare(scores, "dense", names, seed=seed).assign(reference="dense")]
    for model, reference in pairs_of([*scores]):
        if reference != "dense":
            pair = {name: scores[name] for name in (reference, model)}
            parts.append(compare(pair, reference, names, seed=seed).assign(reference=reference))
    comparison = pd.concat(parts, ignore_index=True)
    comparison["p_holm"] = holm(comparison["p_value"])
    return comparison[["model", "reference", *(c for c in comparison.columns if c not in ("model", "reference"))]]
