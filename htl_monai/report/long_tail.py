"""Tabulates what pruning makes a classifier of many classes forget: classes, pairs of classes, images (PruneCXR)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.arms import compare_arms
from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.class_tables import class_counts, class_tables, curves_by_class
from htl_monai.analysis.pies import pie_tables
from htl_monai.data.files import write_csv
from htl_monai.report.notes import forgettability_notes, pie_notes
from htl_monai.report.run_figures import draw_tables
from htl_monai.report.run_scores import COMPRESSIONS, MAIN, RunScores, read_run
from htl_monai.runs import layout
from htl_monai.scores import at_level

Tables = dict[str, pd.DataFrame]


def long_tail_tables(
    run: RunScores, arms: Sequence[str], reference: str, pie_sparsity: float, pie_share: float, seed: int
) -> Tables:
    """Return the tables of :func:`tables_of_pies` and of :func:`forgettability_tables`, and ``arms``.

    The latter, where there are any, has the average precision of each arm beside the ``reference``, class by class,
    with intervals over seeds and test subjects.
    """
    tables = tables_of_pies(run, pie_sparsity, pie_share)
    if arms:
        test = {arm: at_level(run.of_test(layout.evaluated(arm)), 0.0) for arm in arms}
        first = test[reference]
        subjects = first["subject"].values.tolist() if "subject" in first.coords else None
        predicted = {arm: scores["probability"].values for arm, scores in test.items()}
        classes = run.classes
        tables["arms"] = compare_arms(run.labels, predicted, reference, classes, seed=seed, subjects=subjects)
    return tables | forgettability_tables(run)


def forgettability_tables(run: RunScores) -> Tables:
    """Analyse every compression that a run has scores of; those of one seed at a time are in memory.

    Returns:
        ``classes``, see :func:`~htl_monai.analysis.class_tables.class_counts`; ``forgettability``, the curves of the
        magnitude pruning, one row per class and one column per sparsity; those of
        :func:`~htl_monai.analysis.class_tables.class_tables`, with the column ``compression``; and ``notes``.

    Raises:
        FileNotFoundError: the predictions of a seed after magnitude pruning are not there.
        ValueError: predictions do not fit the data list or each other.
    """
    labels, parts, wide = run.labels, dict[str, list[pd.DataFrame]](), pd.DataFrame()
    classes = class_counts(run.positives(), run.classes)
    for compression, stage in COMPRESSIONS.items():
        seeds = run.seeds if compression == MAIN else run.seeds_of(stage)
        if not seeds:
            continue
        found = run.of_test(stage, seeds)["probability"]
        ap = np.stack([average_precision(labels, of_seed.values) for of_seed in found])  # of 30 seeds it is a gigabyte
        tables = class_tables(ap, tuple(found["level"].values.tolist()), classes, labels)
        if compression == MAIN:
            wide = curves_by_class(tables["class_changes"])
        for name, table in tables.items():
            table.insert(0, "compression", compression)
            parts.setdefault(name, []).append(table)
    joined = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    joined["overall"].attrs["n_images"] = len(labels)
    tables = {"classes": classes, "forgettability": wide, **joined}
    return tables | {"notes": forgettability_notes(run, tables)}


def tables_of_pies(run: RunScores, sparsity: float = 0.9, share: float = 0.05) -> Tables:
    """Return what :func:`~htl_monai.analysis.pies.pie_tables` finds in the test images of a run, and ``pie_notes``."""
    found = run.of_test(COMPRESSIONS[MAIN])["probability"]
    dense, pruned = (at_level(found, level).values for level in (0.0, sparsity))
    images = pd.DataFrame(run.data["test"])
    tables = pie_tables(images, run.labels, dense, pruned, run.classes, share)
    return tables | {"pie_notes": pie_notes(tables)}


def write_forgettability(run_dir: str | os.PathLike[str], out_dir: str | os.PathLike[str] | None = None) -> Tables:
    """Write which classes, and which pairs of classes, each compression of a run makes the networks forget.

    Args:
        run_dir: the folder of the run; every seed that was mined is read.
        out_dir: where the tables go, and the figures in ``figures``; by default ``reporting`` in the run.

    Returns:
        The tables by name, see :func:`forgettability_tables`.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
        ValueError: predictions do not fit the data list or each other.
    """
    run = read_run(run_dir)
    return _write(run, forgettability_tables(run), out_dir)


def write_pies(
    run_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str] | None = None,
    sparsity: float = 0.9,
    share: float = 0.05,
) -> Tables:
    """Write which test images pruning changes most (PIEs), which findings they have, and whether they look mislabelled.

    Args:
        run_dir: as :func:`write_forgettability`; so is ``out_dir``.
        sparsity: of the pruning that is compared with the dense network.
        share: how many images are PIEs, in (0, 1].

    Returns:
        The tables by name, see :func:`tables_of_pies`.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
        KeyError: nothing was mined at ``sparsity``.
        ValueError: predictions do not fit the data list or each other.
    """
    run = read_run(run_dir)
    return _write(run, tables_of_pies(run, sparsity, share), out_dir)


def _write(run: RunScores, tables: Tables, out_dir: str | os.PathLike[str] | None) -> Tables:
    out = run.run_dir / layout.REPORTING if out_dir is None else Path(out_dir)
    for name, table in tables.items():
        write_csv(out / f"{name}.csv", table)
    draw_tables(tables, out / "figures")
    return tables
