"""Writes the closing tables and figures of a run on chest X-rays: what, where and whom pruning makes forget."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.arms import compare_arms
from htl_monai.data.files import write_csv
from htl_monai.report.figure_files import write_figure
from htl_monai.report.long_tail_figures import draw_classes, draw_curves, draw_overall, draw_pairs
from htl_monai.report.long_tail_notes import forgettability_notes, pie_notes
from htl_monai.report.long_tail_pie_figures import draw_arms, draw_noise, draw_ratios
from htl_monai.report.long_tail_pies import pie_tables
from htl_monai.report.long_tail_run import MAIN, LongTailRun, read_long_tail_run
from htl_monai.report.long_tail_tables import forgettability_tables
from htl_monai.runs import layout
from htl_monai.scores import at_level

__all__ = ["write_forgettability", "write_long_tail_summary", "write_pies"]


def write_long_tail_summary(
    run_dir: str | os.PathLike[str],
    data_path: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] | None = None,
    out_dir: str | os.PathLike[str] | None = None,
    arms: Sequence[str] = (),
    reference: str = "left_alone",
    pie_sparsity: float = 0.9,
    pie_share: float = 0.05,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Write every table and figure of a run: :func:`write_forgettability`, :func:`write_pies`, and the arms.

    Args:
        run_dir: the folder of the run.
        data_path: its data list; by default ``preparing/data.json`` in the run.
        seeds: the seeds to read; by default every one that was mined.
        out_dir: where the tables go; the figures go into ``figures`` in it. By default ``reporting`` in the run.
        arms: what was done with the PIEs; each was evaluated. None: nothing was fine-tuned.
        reference: the arm that the others are held against.
        pie_sparsity: of the pruning that PIEs are found by.
        pie_share: how many images are PIEs, in (0, 1].
        seed: of the bootstrap of the arms.

    Returns:
        The tables by name, as written: those of the two functions, and ``arms`` (AP of each arm against
        ``reference``, class by class, with intervals over seeds and test subjects) where ``arms`` are given.

    Raises:
        FileNotFoundError: the data list, or the predictions of a seed, are not there.
        KeyError: nothing was mined at ``pie_sparsity``, or ``reference`` is not among the arms.
        ValueError: predictions do not fit the data list or each other.
    """
    run = read_long_tail_run(run_dir, data_path, seeds)
    tables = _pies(run, pie_sparsity, pie_share) | _arms(run, arms, reference, seed) | _forgettability(run)
    return _write(run, tables, out_dir)


def write_forgettability(
    run_dir: str | os.PathLike[str], out_dir: str | os.PathLike[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Write which classes, and which pairs of classes, each compression of a run makes the networks forget.

    Args:
        run_dir: the folder of the run; every seed with ``seed_*/mining/scores.nc`` is read.
        out_dir: where the tables go; the figures go into ``figures`` in it. By default ``reporting`` in the run.

    Returns:
        The tables by name, as written: see :func:`~htl_monai.report.long_tail_tables.forgettability_tables`, and
        ``notes``, sentences on what the tables could not say.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
        ValueError: predictions do not fit the data list or each other.
    """
    run = read_long_tail_run(run_dir)
    return _write(run, _forgettability(run), out_dir)


def write_pies(
    run_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str] | None = None,
    sparsity: float = 0.9,
    share: float = 0.05,
) -> dict[str, pd.DataFrame]:
    """Write which test images pruning changes most (PIEs), which findings they have, and whether they look mislabelled.

    Args:
        run_dir: the folder of the run; every seed with ``seed_*/mining/scores.nc`` is read.
        out_dir: where the tables go; the figures go into ``figures`` in it. By default ``reporting`` in the run.
        sparsity: of the pruning that is compared with the dense network.
        share: how many images are PIEs, in (0, 1].

    Returns:
        The tables by name, as written: see :func:`~htl_monai.report.long_tail_pies.pie_tables`, and ``pie_notes``.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
        KeyError: nothing was mined at ``sparsity``.
        ValueError: predictions do not fit the data list or each other.
    """
    run = read_long_tail_run(run_dir)
    return _write(run, _pies(run, sparsity, share), out_dir)


def _forgettability(run: LongTailRun) -> dict[str, pd.DataFrame]:
    tables = forgettability_tables(run)
    return tables | {"notes": forgettability_notes(run, tables)}


def _pies(run: LongTailRun, sparsity: float, share: float) -> dict[str, pd.DataFrame]:
    tables = pie_tables(run, sparsity, share)
    return tables | {"pie_notes": pie_notes(tables)}


def _arms(run: LongTailRun, arms: Sequence[str], reference: str, seed: int) -> dict[str, pd.DataFrame]:
    if not arms:
        return {}
    predicted = {arm: at_level(run.scores(layout.evaluated(arm)), 0.0)["probability"].values for arm in arms}
    return {"arms": compare_arms(run.labels, predicted, reference, run.classes, seed=seed, subjects=run.subjects)}


def _write(
    run: LongTailRun, tables: dict[str, pd.DataFrame], out_dir: str | os.PathLike[str] | None
) -> dict[str, pd.DataFrame]:
    """Write the tables, and the figures that can be drawn from those of them that there are."""
    out = run.run_dir / layout.REPORTING if out_dir is None else Path(out_dir)
    for name, table in tables.items():
        write_csv(out / f"{name}.csv", table)
    if "overall" in tables:
        _draw_forgettability(tables, len(run.test), out / "figures")
    if "pies" in tables:
        _draw_pies(tables, out / "figures")
    if "arms" in tables:
        drawn = tables["arms"].dropna(subset=["difference"])
        if len(drawn):
            write_figure(out / "figures" / "arms", drawn, draw_arms, (6.4, _height(drawn["class"])))
    return tables


def _draw_forgettability(tables: Mapping[str, pd.DataFrame], n_images: int, figures: Path) -> None:
    main = {name: _of_main(table) for name, table in tables.items()}
    write_figure(figures / "overall", tables["overall"].assign(n_images=n_images), draw_overall, (7.2, 4.0))
    columns = ["class", "n_training", "sparsity", "n_seeds", "change_median"]
    curves = main["class_changes"][columns].dropna(subset=["change_median"])
    if len(curves):
        write_figure(figures / "forgettability", curves, draw_curves, (7.2, 5.0))
        captions = [_caption(main["correlations"], "log_n_training", y) for y in ("first_drop", "change_at_highest")]
        draw = partial(draw_classes, captions=captions)
        write_figure(figures / "classes", main["first_drop"].drop(columns="compression"), draw, (8.4, 4.4))
    pairs = main["dissimilarity"].dropna().drop(columns=["compression", "iou"])
    if len(pairs):
        captions = [_caption(main["correlations"], x, "fcd_euclidean") for x in ("delta_log_frequency", "iou_root4")]
        write_figure(figures / "pairs", pairs, partial(draw_pairs, captions=captions), (8.4, 4.6))


def _draw_pies(tables: Mapping[str, pd.DataFrame], figures: Path) -> None:
    ratios = tables["pie_ratios"].dropna(subset=["ratio"])
    if len(ratios):
        write_figure(figures / "pie_ratios", ratios, draw_ratios, (6.4, _height(ratios["group"])))
    noise = tables["noise"].dropna(subset=["verdict"])
    if len(noise):
        write_figure(figures / "hard_or_noisy", noise, draw_noise, (6.0, 4.6))


def _height(names: pd.Series) -> float:
    """Return the height in inches of a figure with a row for each name."""
    return 1.8 + 0.27 * names.nunique()


def _of_main(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["compression"] == MAIN] if "compression" in table else table


def _caption(correlations: pd.DataFrame, x: str, y: str) -> str:
    """Return the two correlations with their intervals in words."""
    rows = correlations[(correlations["x"] == x) & (correlations["y"] == y)].set_index("method")
    symbols = {"pearson": "r", "spearman": "ρ"}
    numbers = rows[["estimate", "low", "high"]].astype(float).to_dict("index")
    parts = [
        f"{symbol} = {numbers[method]['estimate']:.2f} ({numbers[method]['low']:.2f} to {numbers[method]['high']:.2f})"
        for method, symbol in symbols.items()
        if not np.isnan(numbers[method]["estimate"])
    ]
    n = rows["n"].iloc[0]
    return f"{', '.join(parts)}\nn = {n}".replace("-", "−") if parts else f"no correlation can be given, n = {n}"
