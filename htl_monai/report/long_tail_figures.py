"""Draws what compression costs: overall, class by class, against class frequency, and pair by pair (PruneCXR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, PercentFormatter

from htl_monai.analysis.forgettability import first_significant
from htl_monai.report.direct_labels import label_points, spread_apart

# Okabe and Ito's colours, which colour-blind readers can tell apart, and a marker for those who print in grey.
_LOOKS = {
    "global_magnitude": ("L1 pruning", "#0072B2", "o"),
    "random": ("random pruning", "#D55E00", "s"),
    "structured": ("channel pruning", "#009E73", "^"),
    "quantized": ("quantization", "#CC79A7", "D"),
    "low_rank": ("low rank", "#E69F00", "v"),
}
# What is taken away: of these two nothing is set to zero, so that they have an axis of their own.
_STORAGE = ("quantized", "low_rank")


def draw_overall(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw the mean AP over classes against what was taken away, with one standard deviation over the seeds.

    A dashed line marks the first sparsity at which the mean AP falls significantly; the legend says it in words.

    Args:
        figure: empty.
        numbers: ``compression``, ``sparsity``, ``n_seeds``, ``ap_mean``, ``ap_std``, ``significant``, ``n_classes``
            and ``n_images``.
    """
    stored = numbers["compression"].isin(_STORAGE)
    parts = [(numbers[~stored], "weights removed"), (numbers[stored], "storage saved (bits or parameters)")]
    parts = [(part, label) for part, label in parts if len(part)]
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axes, (part, label) in zip(panels, parts, strict=True):
        for compression, rows in part.groupby("compression", sort=False):
            _overall_line(axes, str(compression), rows)
        axes.set_xlabel(label)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", color="0.9")
    panels[0].set_ylabel("mean AP over classes")
    panels[0].set_ylim(bottom=0)
    row = numbers.iloc[0]
    title = f"{row['n_images']} test images, {row['n_classes']} classes"
    if numbers["ap_std"].notna().any():
        title += "; bands: ± 1 standard deviation over seeds; dashed: first significant loss"
    figure.suptitle(title, fontsize=8)
    figure.legend(loc="outside lower center", ncols=2)


def draw_curves(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw the forgettability curve of each class, coloured by how often it is trained on.

    Args:
        figure: empty.
        numbers: ``class``, ``n_training``, ``sparsity``, ``n_seeds`` and ``change_median`` (relative change of AP).
    """
    axes = figure.subplots()
    scale = _frequency_scale(numbers["n_training"])
    ends = []
    for name, rows in numbers.groupby("class", sort=False):
        rows = rows.dropna(subset=["change_median"])
        if rows.empty:
            continue
        counts = np.maximum(1, rows["n_training"].to_numpy(dtype=np.float64))  # without any is the darkest
        colour = scale.to_rgba(counts[:1])[0]
        axes.plot(rows["sparsity"], rows["change_median"], color=colour, linewidth=1.5)
        ends.append((str(name), rows["sparsity"].iloc[-1], rows["change_median"].iloc[-1], colour))
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_xlabel("weights removed")
    axes.set_ylabel("relative change of AP (median over seeds)")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_title(f"{len(ends)} classes, {_seeds(numbers)}")
    bar = figure.colorbar(scale, ax=axes, location="left", pad=0.02, aspect=30, format=_counts())
    bar.set_label("positive training images (log scale)")
    _label_ends(figure, axes, ends)


def draw_classes(figure: Figure, numbers: pd.DataFrame, captions: Sequence[str] = ("", "")) -> None:
    """Draw when and how much each class is forgotten against how often it is trained on.

    Args:
        figure: empty.
        numbers: ``class``, ``n_training``, ``first_drop`` (NaN = never), ``change_at_highest`` and
            ``highest_sparsity``.
        captions: over each of the two panels, such as the correlation.
    """
    left, right = figure.subplots(1, 2, sharex=True)
    known = numbers[numbers["n_training"] > 0]
    scale = _frequency_scale(numbers["n_training"])
    highest = numbers["highest_sparsity"].iloc[0]
    for axes, column, label, caption in (
        (left, "first_drop", "weights removed when 20 % of AP is lost", captions[0]),
        (right, "change_at_highest", f"relative change of AP at {highest:.0%}", captions[1]),
    ):
        drawn = known.dropna(subset=[column])
        counts = drawn["n_training"]
        axes.scatter(counts, drawn[column], c=counts, norm=scale.norm, cmap=scale.cmap, s=22)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_counts())
        axes.set_xlabel("positive training images (log scale)")
        axes.set_ylabel(label)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.margins(x=0.25, y=0.1)
        axes.set_title(caption)
    left.set_ylim(0, 1)
    never = numbers.loc[numbers["first_drop"].isna() & numbers["change_at_highest"].notna(), "class"]
    if len(never):
        text = f"never by {highest:.0%}:\n" + "\n".join(never)
        left.text(0.99, 0.01, text, transform=left.transAxes, ha="right", va="bottom", fontsize=8, color="0.3")
    figure.draw_without_rendering()
    for axes, column in ((left, "first_drop"), (right, "change_at_highest")):
        drawn = known.dropna(subset=[column])
        label_points(axes, drawn["n_training"], drawn[column], drawn["class"].tolist())


def draw_pairs(figure: Figure, numbers: pd.DataFrame, captions: Sequence[str] = ("", "")) -> None:
    """Draw how unlike two classes are forgotten against how unlike their frequencies are and how often they meet.

    Args:
        figure: empty.
        numbers: ``fcd_euclidean``, ``delta_log_frequency`` and ``iou_root4`` of each pair.
        captions: over each of the two panels, such as the correlation.
    """
    panels = figure.subplots(1, 2, sharey=True)
    labels = {
        "delta_log_frequency": "difference of log test frequency",
        "iou_root4": "co-occurrence IoU$^{1/4}$",
    }
    for axes, (column, other), caption in zip(panels, (tuple(labels), tuple(labels)[::-1]), captions, strict=True):
        drawn = numbers.dropna(subset=[column, other, "fcd_euclidean"])
        points = axes.scatter(drawn[column], drawn["fcd_euclidean"], c=drawn[other], cmap=_viridis(), s=14)
        axes.set_xlabel(labels[column])
        axes.set_title(caption)
        figure.colorbar(points, ax=axes, location="bottom", aspect=30, pad=0.02).set_label(labels[other])
    panels[0].set_ylabel("FCD (Euclidean distance of two curves)")


def _overall_line(axes: Axes, compression: str, rows: pd.DataFrame) -> None:
    label, colour, marker = _LOOKS[compression]
    lost = first_significant(rows)
    lost_text = "" if np.isnan(lost) else f", significant from {100 * lost:.4g}%"
    axes.plot(
        rows["sparsity"],
        rows["ap_mean"],
        color=colour,
        marker=marker,
        markersize=3.5,
        linewidth=1.2,
        label=f"{label} ({_seeds(rows)}{lost_text})",
    )
    if rows["ap_std"].notna().any():
        low, high = rows["ap_mean"] - rows["ap_std"], rows["ap_mean"] + rows["ap_std"]
        axes.fill_between(rows["sparsity"], low, high, color=colour, alpha=0.18, linewidth=0)
    if not np.isnan(lost):
        axes.axvline(lost, color=colour, linestyle="--", linewidth=0.8, zorder=0)


def _label_ends(figure: Figure, axes: Axes, ends: list[tuple[str, float, float, Any]]) -> None:
    """Write each curve's name at its right end, apart from its neighbours, with a thin line to it."""
    if not ends:
        return
    low, high = axes.get_ylim()
    height = figure.get_figheight() * 72 * 0.8  # of the axes in points, about
    heights = spread_apart([y for _, _, y, _ in ends], gap=9.5 / height * (high - low))
    width = np.ptp(axes.get_xlim())
    for (name, x, y, colour), level in zip(ends, heights, strict=True):
        axes.plot([x, x + 0.03 * width], [y, level], color=colour, linewidth=0.6, clip_on=False)
        axes.text(x + 0.035 * width, level, name, va="center", fontsize=8)
    axes.set_ylim(low, high)


def _seeds(rows: pd.DataFrame) -> str:
    """Return the number of seeds in words."""
    n = int(rows["n_seeds"].max())
    return "1 seed" if n == 1 else f"{n} seeds"


def _viridis() -> Colormap:
    """Return viridis without its yellow end, which is too light for lines on white."""
    return ListedColormap(colormaps["viridis"](np.linspace(0, 0.88, 256)), name="viridis_dark")


def _counts() -> LogFormatter:
    """Return what writes the powers of ten as numbers, and says nothing between them."""
    return LogFormatter(labelOnlyBase=True)


def _frequency_scale(counts: pd.Series) -> ScalarMappable:
    low, high = max(1, int(counts.min())), max(2, int(counts.max()))
    return ScalarMappable(LogNorm(low, max(high, low + 1)), _viridis())
