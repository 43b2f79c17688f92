"""Draws the results of a run together: what pruning costs, whom it hits, and whether training with attention helped."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from xarray import Dataset

from htl_monai.analysis.compared_rankings import rankings_of_scores
from htl_monai.analysis.comparison import compare
from htl_monai.analysis.detection import planted_detection
from htl_monai.analysis.impact import impact
from htl_monai.analysis.means import forgetting_over_seeds, mean_by, mean_scores
from htl_monai.data.files import read_table, write_csv
from htl_monai.ranking.forgetting_table import forgetting_table, nearest_level, primary_column
from htl_monai.report.groups_of_run import groups_of_run
from htl_monai.report.long_tail import long_tail_tables
from htl_monai.report.notes import run_notes
from htl_monai.report.run_figures import draw_tables
from htl_monai.report.run_scores import RunScores, read_run, same_images
from htl_monai.runs import layout
from htl_monai.scores import metadata_of, table_of

Tables = dict[str, pd.DataFrame]


def write_report(
    run_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    arms: Sequence[str],
    reference: str = "dense",
    mined: Sequence[str] = ("mining",),
    baselines: Collection[str] = (),
    seeds: Sequence[int] | None = None,
    sparsity: float = 0.7,
    pie_share: float = 0.05,
    seed: int = 0,
) -> Tables:
    """Write the closing tables of a run, of one network an arm or of several seeds.

    Args:
        run_dir: the folder of the run, with its stages; those of a seed lie in ``seed_<seed>``.
        out_dir: where the tables go; figures go into ``figures`` in it.
        arms: those that were evaluated. None: nothing was trained on.
        reference: the arm that the others are held against.
        mined: the stages that mined. The last one that is of other images than the first is what the arms chose from:
            groups, detection and rankings are of these.
        baselines: further models, that no training made; they are scored, and not compared.
        seeds: whose networks are summarised; by default all that were mined.
        sparsity: the mined sparsity nearest to it is that whose forgetting is broken down by group and compared with
            planted groups.
        pie_share: how many images are pruning-identified exemplars (PIEs) where images have classes, in (0, 1]; they
            are found at ``sparsity`` itself.

    Returns:
        The tables by name, as written. Of any task ``scores`` (mean of each score and model), ``comparison`` (paired
        differences with 95 % intervals over the subjects of the test images, or over these and the seeds), ``impact``
        (what each sparsity costs, Attend Who is Weak, Table 1; ``impact_unlabelled`` of images without mask),
        ``groups``, ``pairs`` and ``slices`` (forgetting, and the score of each arm, by metadata, pairs of metadata and
        what a search finds), ``detection`` (how well mining found
        planted images, beside what needs no pruning), ``rankings`` (every ranking that can be made, beside each other)
        and ``notes`` (sentences on networks of no use, and on what tables could not say). Each is a mean over the seeds
        if these are named, beside ``scores_of_seeds``; the notes name the seed. Where images have classes, also those
        of :func:`~htl_monai.report.long_tail.long_tail_tables`.
    """
    run = read_run(run_dir, seeds)
    tables = _tables(run, arms, reference, mined, baselines, sparsity, seed)
    if "probability" in run.of(mined[0]):
        notes = tables.pop("notes")
        tables |= long_tail_tables(run, arms, reference, sparsity, pie_share, seed)
        tables["notes"] = pd.concat([tables["notes"], notes], ignore_index=True)
    for name, table in tables.items():
        write_csv(Path(out_dir) / f"{name}.csv", table)
    draw_tables(tables, Path(out_dir) / "figures")
    return tables


def mined_table(scores: Dataset) -> pd.DataFrame:
    """Return the forgetting table of one seed without the classes' own columns where another score counts first."""
    others = [name for name, values in scores.data_vars.items() if "class" in values.dims]
    return forgetting_table(scores if scores.attrs["primary"] in others else scores.drop_vars(others))


def at_sparsity(table: pd.DataFrame, sparsity: float) -> pd.DataFrame:
    """Return the rows of a forgetting table that are of one sparsity."""
    return table[np.isclose(table["sparsity"], sparsity)]


def _tables(
    run: RunScores,
    arms: Sequence[str],
    reference: str,
    mined: Sequence[str],
    baselines: Collection[str],
    sparsity: float,
    seed: int,
) -> Tables:
    """Return the tables of any task."""
    read = {stage: run.of(stage) for stage in mined}
    read = {s: scores for s, scores in read.items() if s == mined[0] or not same_images(scores, read[mined[0]])}
    chosen_from = list(read.values())[-1]
    sparsity = nearest_level(chosen_from, sparsity)
    scored = {model: run.of(layout.evaluated(model)) for model in (*arms, *baselines)}
    of_seeds = [
        _of_seed(
            {stage: scores.isel(seed=place) for stage, scores in read.items()},
            {model: scores.isel(seed=place) for model, scores in scored.items()},
            run.path(number, layout.PSEUDO_LABELS),
            baselines,
            sparsity,
        )
        for place, number in enumerate(run.seeds)
    ]
    tables = _over_seeds(run, [tables for tables, _ in of_seeds])
    if arms:
        tables["comparison"] = compare({model: scored[model] for model in arms}, reference, seed)
    images = forgetting_over_seeds([table for _, table in of_seeds])
    properties = run.run_dir / layout.PROPERTIES
    tables |= groups_of_run(
        images,
        list(metadata_of(chosen_from)),
        {arm: scored[arm] for arm in arms},
        read_table(properties) if properties.is_file() else None,
        seed,
    )
    tables["rankings"] = rankings_of_scores(chosen_from, sparsity)
    return tables


def _of_seed(
    read: Mapping[str, Dataset],
    scored: Mapping[str, Dataset],
    pseudo_labels_path: Path,
    baselines: Collection[str],
    sparsity: float,
) -> tuple[Tables, pd.DataFrame]:
    """Return the tables of one seed that say of each network what it does, and the table of what was chosen from."""
    mined = {stage: mined_table(scores) for stage, scores in read.items()}
    last, table = list(mined.items())[-1]
    primary = {stage: primary_column(scores) for stage, scores in read.items()}
    tables = {f"impact{stage.removeprefix('mining')}": impact(mined[stage], primary[stage]) for stage in mined}
    if scored:
        tables = {"scores": mean_scores(scored)} | tables
    if "hard" in table:
        drawn = read_table(pseudo_labels_path) if len(mined) > 1 and pseudo_labels_path.is_file() else None
        tables["detection"] = planted_detection(at_sparsity(table, sparsity), drawn, primary[last])
    judged = {model: table_of(scores, 0.0) for model, scores in scored.items() if model not in baselines}
    tables["notes"] = run_notes(next(iter(mined.values())), judged, table, sparsity)
    return tables, at_sparsity(table, sparsity)


def _over_seeds(run: RunScores, found: Sequence[Tables]) -> Tables:
    """Return the tables of the only network, or their means over the seeds, with what only several seeds have."""
    if not run.names_seeds:
        return dict(found[0])
    by = {"scores": "model", "detection": "ranking"}
    named = dict(zip(run.seeds, found, strict=True))
    means = {
        name: mean_by([of[name] for of in found], by.get(name, "sparsity")) for name in found[0] if name != "notes"
    }
    notes = [of["notes"].assign(note=f"seed {n}: " + of["notes"]["note"]) for n, of in named.items()]
    means["notes"] = pd.concat(notes)
    if "scores" in means:
        each = pd.concat([of["scores"].assign(seed=n) for n, of in named.items()])
        means["scores_of_seeds"] = each[["seed", *each.columns.drop("seed")]]
    if "detection" in means:
        lowest = pd.concat([of["detection"] for of in found]).groupby("ranking")["auroc"].min()
        means["detection"]["auroc_lowest"] = means["detection"]["ranking"].map(lowest)
    return means
