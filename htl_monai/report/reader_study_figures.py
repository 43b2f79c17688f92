"""Draws how readers rated pruning-identified images and others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from htl_monai.report.reader_ratings import SCALE

# What each group is called; Okabe and Ito's colours, which colour-blind readers can tell apart, and a marker each.
_GROUPS = {True: ("PIEs", "#D55E00", "s"), False: ("others", "#0072B2", "o")}
_TITLES = {
    "label_noise": "label noise\n(5 = labels clearly wrong)",
    "image_quality": "image quality\n(5 = very good)",
    "difficulty": "difficulty\n(5 = very difficult)",
}


def draw_ratings(figure: Figure, numbers: pd.DataFrame) -> None:
    """Draw the mean rating of both groups for each question, with 95 % intervals over the cases.

    Args:
        figure: empty.
        numbers: ``question``, ``is_pie``, ``n_cases``, ``mean``, ``low`` and ``high``; a mean that is NaN is left out,
            an interval that is NaN is not drawn.
    """
    axes = figure.subplots()
    questions = list(dict.fromkeys(numbers["question"]))
    for is_pie, (label, colour, marker) in _GROUPS.items():
        rows = numbers[numbers["is_pie"] == is_pie].dropna(subset=["mean"])
        places = np.array([questions.index(name) for name in rows["question"]], dtype=float)
        places += -0.1 if is_pie else 0.1
        mean, low, high = (rows[name].to_numpy(dtype=np.float64) for name in ("mean", "low", "high"))
        reach = np.nan_to_num(np.stack([mean - low, high - mean]).clip(min=0))
        n_cases = int(rows["n_cases"].max()) if len(rows) else 0
        name = f"{label} ({n_cases} images)"
        axes.errorbar(places, mean, reach, fmt=marker, color=colour, markersize=6, capsize=3, label=name)
    axes.set_xticks(range(len(questions)), [_TITLES.get(name, name) for name in questions])
    axes.set_xlim(-0.5, len(questions) - 0.5)
    axes.set_ylim(SCALE[0] - 0.2, SCALE[-1] + 0.2)
    axes.set_yticks(SCALE)
    axes.set_ylabel("mean rating, 95 % interval over images")
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=2)
