"""Draws the figures of a run's tables, as far as these are there and hold a number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.report.figure_files import write_figure
from htl_monai.report.long_tail_figures import draw_classes, draw_curves, draw_overall, draw_pairs
from htl_monai.report.long_tail_pie_figures import draw_arms, draw_noise, draw_ratios
from htl_monai.report.run_scores import MAIN


def draw_tables(tables: Mapping[str, pd.DataFrame], figures: Path) -> None:
    """Write every figure that can be drawn from those tables of a run that there are."""
    if "overall" in tables:
        _draw_forgettability(tables, figures)
    if "pies" in tables:
        _draw_pies(tables, figures)
    if "arms" in tables:
        drawn = tables["arms"].dropna(subset=["difference"])
        if len(drawn):
            write_figure(figures / "arms", drawn, draw_arms, (6.4, _height(drawn["class"])))


def _draw_forgettability(tables: Mapping[str, pd.DataFrame], figures: Path) -> None:
    main = {name: _of_main(table) for name, table in tables.items()}
    overall = tables["overall"].assign(n_images=tables["overall"].attrs["n_images"])
    write_figure(figures / "overall", overall, draw_overall, (7.2, 4.0))
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
