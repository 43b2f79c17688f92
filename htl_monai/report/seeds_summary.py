"""Draws the results of a run of several seeds together: each seed's networks alone would be chance."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.seeds_and_images import seeds_and_images_interval
from htl_monai.data.files import write_csv
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.ranking.hardness import bounded_forgetting, never_learned_in
from htl_monai.report.compared_arms import pairs_of
from htl_monai.report.summary import at_sparsity, groups_of_forgetting, run_tables, score_names
from htl_monai.runs import layout
from htl_monai.scores import read_scores, table_of
from htl_monai.statistics.holm import holm

__all__ = ["compare_over_seeds", "write_seeds_summary"]


def write_seeds_summary(
    run_dir: str | os.PathLike[str],
    seeds: Sequence[int],
    models: Sequence[str],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    seed: int = 0,
    use_unlabelled: bool = False,
    baselines: Collection[str] = (),
) -> dict[str, pd.DataFrame]:
    """Write the closing tables of a run of several seeds.

    Args:
        run_dir: the folder of the run, with the stages of each seed in ``seed_<seed>``.
        seeds: the seeds.
        models: the arms that were evaluated, ``dense`` among them.
        out_dir: where the tables go.
        sparsity: the sparsity whose forgetting is broken down by group and compared with planted groups.
        seed: of the bootstrap over images in the groups.
        use_unlabelled: images without mask were mined beside the training images: groups and detection are of them.
        baselines: further models, that no training made; they are scored and not compared.

    Returns:
        The tables by name, as written: those of :func:`~htl_monai.report.summary.write_summary`, each a mean over the
        seeds; ``comparison`` has intervals over seeds and images, ``groups`` are of each image's mean over the seeds,
        ``detection`` has the lowest AUROC of a seed, too, and ``notes`` name the seed; and ``scores_of_seeds``, the
        means of each seed.
    """
    roots = {number: Path(run_dir) / layout.seed_folder(number) for number in seeds}
    mined = {number: forgetting_table(read_scores(root / "mining" / "scores.nc")) for number, root in roots.items()}
    chosen_from = mined
    if use_unlabelled:
        paths = {n: root / "mining_unlabelled" / "scores.nc" for n, root in roots.items()}
        chosen_from = {n: forgetting_table(read_scores(path)) for n, path in paths.items()}
    scores = {
        number: {
            model: table_of(read_scores(root / layout.evaluated(model) / "scores.nc"), 0.0)
            for model in (*models, *baselines)
        }
        for number, root in roots.items()
    }
    found = {}
    for n, root in roots.items():
        pseudo_labels = root / "pseudo_labelling" / "pseudo_labels.csv" if use_unlabelled else None
        unlabelled = chosen_from[n] if use_unlabelled else None
        found[n] = run_tables(mined[n], unlabelled, scores[n], sparsity, pseudo_labels, baselines)
    of_seeds = pd.concat([tables["scores"].assign(seed=n) for n, tables in found.items()])
    chosen = [at_sparsity(table, sparsity) for table in chosen_from.values()]
    written = {
        "scores": _mean_by(of_seeds.drop(columns="seed"), "model", len(roots)),
        "scores_of_seeds": of_seeds[["seed", *of_seeds.columns.drop("seed")]],
        "comparison": compare_over_seeds([{model: of[model] for model in models} for of in scores.values()]),
        "groups": groups_of_forgetting(_mean_over_seeds(chosen), seed),
        "notes": pd.concat([of["notes"].assign(note=f"seed {n}: " + of["notes"]["note"]) for n, of in found.items()]),
    }
    for name, by in (("impact", "sparsity"), ("impact_unlabelled", "sparsity"), ("detection", "ranking")):
        if name in found[seeds[0]]:
            written[name] = _mean_by(pd.concat([tables[name] for tables in found.values()]), by, len(roots))
    if "detection" in written:
        lowest = pd.concat([tables["detection"] for tables in found.values()]).groupby("ranking")["auroc"].min()
        written["detection"]["auroc_lowest"] = written["detection"]["ranking"].map(lowest)
    for name, content in written.items():
        write_csv(Path(out_dir) / f"{name}.csv", content)
    return written


def compare_over_seeds(scores: Sequence[Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    """Compare fine-tuned networks with each other and with the dense ones, over seeds and test images.

    Args:
        scores: of each seed, the score tables by model, of the same images.

    Returns:
        One row for each of :func:`~htl_monai.report.compared_arms.pairs_of` and score: ``model``, ``reference``,
        ``score``, ``mean_reference``, ``mean``, then the fields of
        :class:`~htl_monai.analysis.seeds_and_images.SeedsAndImages` and ``p_holm``, corrected over the rows; positive =
        better than the reference.
    """
    names = score_names({f"{i} {model}": table for i, found in enumerate(scores) for model, table in found.items()})
    first = scores[0]["dense"]
    ids = first["id"]
    subjects = list(first["subject"]) if "subject" in first else None
    values = {
        (model, name): np.array([found[model].set_index("id").loc[ids, name] for found in scores], dtype=float)
        for model in scores[0]
        for name in names
    }
    rows = []
    for model, reference in pairs_of([*scores[0]]):
        for name in names:
            a, b = values[reference, name], values[model, name]
            known = ~np.isnan(a + b)
            means = {"mean_reference": _mean(a[known]), "mean": _mean(b[known])}
            found = asdict(seeds_and_images_interval(b - a, subjects))
            rows.append({"model": model, "reference": reference, "score": name} | means | found)
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"])) if rows else table


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan


def _mean_by(table: pd.DataFrame, column: str, n_seeds: int) -> pd.DataFrame:
    """Return the means of the rows that share a value of ``column``, in the order in which they first come."""
    means = table.groupby(column, sort=False).mean(numeric_only=True)
    if "n" in means:
        means["n"] = means["n"].astype(int)
    means.insert(0, "n_seeds", n_seeds)
    return means.reset_index()


def _mean_over_seeds(mined: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return one row per image: its mean forgetting in the seeds that learned it; never learned means in none."""
    bounded = [
        table.assign(
            forgetting_relative=bounded_forgetting(table["forgetting_relative"]), never_learned=never_learned_in(table)
        )
        for table in mined
    ]
    images = pd.concat(bounded).groupby("id")
    drops = ["forgetting", "forgetting_relative"]
    means = images[drops].mean().join(images["never_learned"].all())
    return mined[0].drop(columns=[*drops, "never_learned", "rank"], errors="ignore").join(means, on="id")
