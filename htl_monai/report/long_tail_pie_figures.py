"""Draws which images pruning changes: PIE ratios, hard or noisy, and what fine-tuning on them is worth (PruneCXR)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

# Okabe and Ito's colours and a marker each, by definition of PIE.
_DEFINITIONS = {
    "spearman": ("rank correlation", "#0072B2", "o"),
    "modal": ("modal label", "#D55E00", "s"),
    "taxicab": ("taxicab distance", "#009E73", "^"),
}
_VERDICTS = {
    "neither": ("0.75", "o"),
    "hard": ("#0072B2", "^"),
    "likely noise": ("#D55E00", "s"),
    "both": ("#CC79A7", "D"),
}
_ARMS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v")
_MANY = 2000
# Of the axis of ratios.
_EDGES = (0.1, 100.0)


def draw_ratios(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw how much more frequent each group is among PIEs than among the rest, with intervals.

    The axis is logarithmic. What lies beyond it, as a group without any PIE (0) or with nothing but PIEs (infinite), is
    drawn as an arrow at the edge.

    Args:
        figure: empty.
        numbers: ``definition``, ``group``, ``is_class``, ``n``, ``ratio``, ``low`` and ``high``; none is NaN.
    """
    kinds = [(True, "classes (test images)"), (False, "findings in an image (test images)")]
    kinds = [(flag, title) for flag, title in kinds if (numbers["is_class"] == flag).any()]
    rows = [numbers.loc[numbers["is_class"] == flag, "group"].nunique() for flag, _ in kinds]
    panels = figure.subplots(len(kinds), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for axes, (flag, title) in zip(panels, kinds, strict=True):
        _ratio_panel(axes, numbers[numbers["is_class"] == flag])
        axes.set_title(title)
    panels[-1].set_xlabel("frequency among PIEs / among the rest (log scale), 95 % interval")
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=4, linewidth=1, label=label)
        for name, (label, colour, marker) in _DEFINITIONS.items()
        if (numbers["definition"] == name).any()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), title="PIE by")


def draw_noise(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw how much of each image is forgotten against how plausible its labels are.

    Args:
        figure: empty.
        numbers: ``label_quality`` (in [0, 1], low = likely wrong), ``forgetting`` (high = hard) and ``verdict``.
    """
    axes = figure.subplots()
    for verdict, (colour, marker) in _VERDICTS.items():
        rows = numbers[numbers["verdict"] == verdict]
        axes.scatter(
            rows["label_quality"],
            rows["forgetting"],
            s=10 if verdict == "neither" else 18,
            color=colour,
            marker=marker,
            linewidths=0,
            alpha=0.8,
            label=f"{verdict} (n = {len(rows)})",
            rasterized=len(numbers) > _MANY,  # so that 20,000 points do not make an SVG of megabytes
        )
    axes.set_xlabel("label quality (low = label likely wrong)")
    axes.set_ylabel("forgetting: 1 − rank correlation (high = hard)")
    axes.set_title(f"{len(numbers)} images")
    figure.legend(loc="outside lower center", ncols=4, handletextpad=0.1, columnspacing=1)


def draw_arms(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw the difference in AP that each way of treating PIEs makes, class by class, with its interval if any.

    Args:
        figure: empty.
        numbers: ``arm``, ``reference``, ``class``, ``n_positive``, ``difference``, ``low`` and ``high``.
    """
    axes = figure.subplots()
    places = _rows(axes, numbers, "class", "n_positive")
    arms = list(dict.fromkeys(numbers["arm"]))
    for i, (arm, offset) in enumerate(zip(arms, _offsets(len(arms)), strict=True)):
        rows = numbers[(numbers["arm"] == arm) & numbers["difference"].notna()]
        heights = rows["class"].map(places).to_numpy(dtype=np.float64) + offset
        colour, marker = _ARMS[i % len(_ARMS)], _MARKERS[i % len(_MARKERS)]
        axes.hlines(heights, rows["low"], rows["high"], color=colour, linewidth=1)
        axes.scatter(rows["difference"], heights, color=colour, marker=marker, s=16, label=arm.replace("_", " "))
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    reference = str(numbers["reference"].iloc[0]).replace("_", " ")
    axes.set_xlabel(f"AP less that of “{reference}”, 95 % interval")
    axes.set_title("class (positive test images)")
    figure.legend(loc="outside lower center", ncols=len(arms))


def _ratio_panel(axes: Axes, numbers: pd.DataFrame) -> None:
    left, right = _EDGES
    places = _rows(axes, numbers, "group", "n")
    drawn = [name for name in _DEFINITIONS if (numbers["definition"] == name).any()]
    for name, offset in zip(drawn, _offsets(len(drawn)), strict=True):
        _, colour, marker = _DEFINITIONS[name]
        rows = numbers[numbers["definition"] == name]
        heights = rows["group"].map(places).to_numpy(dtype=np.float64) + offset
        axes.hlines(heights, rows["low"].clip(left, right), rows["high"].clip(left, right), color=colour, linewidth=1)
        ratios = rows["ratio"].to_numpy(dtype=np.float64)
        sides = ((ratios < left, "<"), (ratios > right, ">"), ((ratios >= left) & (ratios <= right), marker))
        for these, shape in sides:
            axes.scatter(
                ratios[these].clip(left, right), heights[these], color=colour, marker=shape, s=16, clip_on=False
            )
    axes.axvline(1, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_formatter("{x:g}")


def _rows(axes: Axes, numbers: pd.DataFrame, column: str, count: str) -> dict[str, int]:
    """Give each name a row, from top to bottom, labelled with its number of images; return the heights."""
    counts = numbers.drop_duplicates(column).set_index(column)[count]
    places = {str(name): -row for row, name in enumerate(counts.index)}
    axes.set_yticks(list(places.values()), [f"{name} ({n:.0f})" for name, n in counts.items()])
    axes.set_ylim(0.6 - len(places), 0.6)
    return places


def _offsets(count: int) -> NDArray[np.float64]:
    """Return heights around 0 for ``count`` marks in one row, the first on top."""
    return np.linspace(0.25, -0.25, count) if count > 1 else np.zeros(count)
