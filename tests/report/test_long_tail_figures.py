"""What is drawn is what the table of numbers says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from htl_monai.report.figure_files import STYLE
from htl_monai.report.long_tail_figures import draw_classes, draw_curves, draw_overall, draw_pairs
from htl_monai.report.long_tail_pie_figures import draw_arms, draw_noise, draw_ratios


@pytest.fixture
def figure() -> Iterator[Figure]:
    with rc_context(STYLE):
        yield Figure(figsize=(7, 5), dpi=100, layout="constrained")


def overall(compression: str, drops: list[bool | None], spread: float = 0.02) -> pd.DataFrame:
    mean = np.linspace(0.5, 0.2, len(drops))
    return pd.DataFrame(
        {
            "compression": compression,
            "sparsity": np.linspace(0, 0.9, len(drops)),
            "n_seeds": 3 if spread > 0 else 1,
            "n_classes": 4,
            "n_images": 120,
            "ap_mean": mean,
            "ap_std": spread if spread > 0 else np.nan,
            "significant": pd.array(drops, dtype="boolean"),
        }
    )


def points(figure: Figure, panel: int) -> np.ndarray:
    """All points of the scatter plots of one panel, ``(N, 2)``."""
    found = [c.get_offsets() for c in figure.axes[panel].collections if isinstance(c, PathCollection)]
    return np.concatenate([np.asarray(offsets) for offsets in found])


def test_overall_curves_and_where_they_fall(figure: Figure) -> None:
    numbers = pd.concat([overall("global_magnitude", [None, False, True]), overall("low_rank", [None, True, True])])
    draw_overall(figure, numbers)
    left, right = figure.axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("weights removed", "storage saved (bits or parameters)")
    for axes, compression, lost in ((left, "global_magnitude", 0.9), (right, "low_rank", 0.45)):
        curve, mark = axes.lines
        rows = numbers[numbers["compression"] == compression]
        assert np.array_equal(curve.get_xydata(), rows[["sparsity", "ap_mean"]])
        assert mark.get_xdata() == [lost, lost]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["L1 pruning (3 seeds, significant from 90%)", "low rank (3 seeds, significant from 45%)"]


def test_one_seed_is_drawn_without_band_and_mark(figure: Figure) -> None:
    draw_overall(figure, overall("random", [None, None, None], spread=0))
    (axes,) = figure.axes
    assert len(axes.lines) == 1 and not axes.collections
    assert figure.legends[0].get_texts()[0].get_text() == "random pruning (1 seed)"
    assert figure.get_suptitle() == "120 test images, 4 classes"


def test_forgettability_curves_are_labelled_at_their_ends(figure: Figure) -> None:
    rows = [
        {"class": name, "n_training": n, "sparsity": step, "n_seeds": 3, "change_median": -step * slope}
        for name, n, slope in (("Mass", 90, 0.1), ("Hernia", 4, 1.0), ("Cyst", 0, 0.9))
        for step in (0.0, 0.5, 0.9)
    ]
    draw_curves(figure, pd.DataFrame(rows))
    axes = figure.axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert [line.get_ydata()[-1] for line in curves] == pytest.approx([-0.09, -0.9, -0.81])
    assert [text.get_text() for text in axes.texts] == ["Mass", "Hernia", "Cyst"]
    frequent, rare, absent = (tuple(line.get_color()) for line in curves)
    assert sum(absent) < sum(rare) < sum(frequent)  # rare is dark, and no image at all the darkest
    assert axes.get_title(loc="left") == "3 classes, 3 seeds"


def test_a_class_that_is_never_forgotten_is_named(figure: Figure) -> None:
    numbers = pd.DataFrame(
        {
            "class": ["Mass", "Hernia", "Cyst", "Rib"],
            "n_training": [90, 4, 30, 10],
            "first_drop": [np.nan, 0.4, 0.8, np.nan],
            "highest_sparsity": 0.95,
            "change_at_highest": [-0.1, -0.9, -0.3, np.nan],
        }
    )
    draw_classes(figure, numbers, captions=("r = 1", "r = 2"))
    assert points(figure, 0).tolist() == [[4, 0.4], [30, 0.8]]
    assert points(figure, 1).tolist() == [[90, -0.1], [4, -0.9], [30, -0.3]]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["never by 95%:\nMass", "Hernia", "Cyst"]  # nothing is known of Rib
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["r = 1", "r = 2"]


def test_pairs_are_drawn_against_both_predictors(figure: Figure) -> None:
    numbers = pd.DataFrame(
        {"fcd_euclidean": [0.1, 0.5, 0.3], "delta_log_frequency": [0.2, 2.0, np.nan], "iou_root4": [0.5, 0.1, 0.2]}
    )
    draw_pairs(figure, numbers)
    assert points(figure, 0).tolist() == [[0.2, 0.1], [2.0, 0.5]]
    assert points(figure, 1).tolist() == [[0.5, 0.1], [0.1, 0.5]]


def test_ratios_beyond_the_axis_are_arrows_at_its_edge(figure: Figure) -> None:
    numbers = pd.DataFrame(
        {
            "definition": "spearman",
            "group": ["Mass", "Hernia", "0 findings", "1 finding"],
            "is_class": [True, True, False, False],
            "n": [90, 4, 30, 60],
            "ratio": [2.0, np.inf, 0.0, 0.8],
            "low": [1.5, 8.0, 0.0, 0.5],
            "high": [3.0, np.inf, 0.0, 1.1],
        }
    )
    draw_ratios(figure, numbers)
    classes, findings = figure.axes
    assert sorted(points(figure, 0).tolist()) == [[2, 0], [100, -1]]
    assert sorted(points(figure, 1).tolist()) == [[0.1, 0], [0.8, -1]]
    assert [tick.get_text() for tick in classes.get_yticklabels()] == ["Mass (90)", "Hernia (4)"]
    (lines,) = [c for c in classes.collections if isinstance(c, LineCollection)]
    assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[1.5, 3.0], [8.0, 100.0]]


def test_verdicts_are_counted(figure: Figure) -> None:
    verdicts = ["hard", "neither", "likely noise", "neither"]
    draw_noise(
        figure,
        pd.DataFrame({"label_quality": [0.9, 0.8, 0.1, 0.7], "forgetting": [1.0, 0.2, 0.1, 0.3], "verdict": verdicts}),
    )
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["neither (n = 2)", "hard (n = 1)", "likely noise (n = 1)", "both (n = 0)"]
    assert sorted(points(figure, 0).tolist()) == [[0.1, 0.1], [0.7, 0.3], [0.8, 0.2], [0.9, 1.0]]


def test_arms_are_drawn_class_by_class(figure: Figure) -> None:
    rows = [
        {"arm": arm, "reference": "left_alone", "class": name, "n_positive": 7, "difference": value}
        for arm, value in (("upweighted", 0.1), ("removed", -0.2))
        for name in ("Mass", "mean")
    ]
    numbers = pd.DataFrame(rows).assign(low=lambda t: t["difference"] - 0.1, high=lambda t: t["difference"] + 0.1)
    draw_arms(figure, numbers)
    assert points(figure, 0).tolist() == [[0.1, 0.25], [0.1, -0.75], [-0.2, -0.25], [-0.2, -1.25]]
    assert figure.axes[0].get_xlabel() == "AP less that of “left alone”, 95 % interval"
