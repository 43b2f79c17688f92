"""Forgetting: what pruning costs an image, and which images had nothing to lose because they were never learned.

An image counts as never learned where the dense network's score is 0: it finds nothing of what is there. Where an image
has no label and the score is the dense network's agreement with itself, it counts as never learned if the dense network
draws no box: there is nothing whose loss could be measured either. Such images are harder than every forgotten one, and
lead every ranking.

Numbers come as lists, arrays, tensors on the CPU or pandas columns, which are taken by position.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

BOX_EDGES = ("x_min", "x_min_px")
"""An edge of a box: a fraction of the picture, or pixels of the original image; NaN where there is none."""


def forgetting(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.float64]:
    """Return how much of the dense network's score the pruned network lost: ``dense - pruned``, of any shape.

    Attend Who is Weak, Algorithm 1, line 4 prints the opposite sign, which would select the images that improve.

    Returns:
        Higher = harder, negative = improved, NaN where either score is NaN.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> forgetting([0.75, 0.5], [0.25, 0.5]).tolist()
        [0.5, 0.0]
    """
    dense, pruned = np.asarray(dense, dtype=np.float64), np.asarray(pruned, dtype=np.float64)
    if dense.shape != pruned.shape:
        raise ValueError(
            f"pruned must have the shape of dense, {dense.shape}, got {pruned.shape}; score the same images twice"
        )
    return dense - pruned


def relative_forgetting(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.float64]:
    """Return the fraction of the dense network's score, at least 0, that was lost: ``(dense - pruned) / dense``.

    Returns:
        Higher = harder, 1 = all is forgotten. NaN where either score is NaN, and where the dense one is 0: the image
        was never learned.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> relative_forgetting([0.75, 0.5, 0.0], [0.25, 0.5, 0.0]).round(3).tolist()
        [0.667, 0.0, nan]
    """
    lost, dense = forgetting(dense, pruned), np.asarray(dense, dtype=np.float64)
    return lost / np.where(dense == 0, np.nan, dense)


def bounded_forgetting(relative: ArrayLike) -> NDArray[np.float64]:
    """Return relative forgetting that is fit for a mean: no image counts as less than -1, the doubling of its score.

    An image of little dense IoU may gain many times that (-5.2 was seen), and would decide the mean of its group.

    Example:
        >>> bounded_forgetting([0.7, -0.5, -5.2, float("nan")]).tolist()
        [0.7, -0.5, -1.0, nan]
    """
    return np.maximum(np.asarray(relative, dtype=np.float64), -1.0)


def is_never_learned(dense: ArrayLike, dense_box_edge: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Tell which images the dense network never learned; the rule stands at the top of this module.

    Args:
        dense: scores of the dense network, ``(N,)``. NaN = nothing could be measured, which is not the same.
        dense_box_edge: where the scores are agreements of boxes, one edge of each dense box, ``(N,)``, NaN without one.

    Example:
        >>> is_never_learned([0.75, 0.0, float("nan")]).tolist()
        [False, True, False]
        >>> is_never_learned([1.0, 1.0], dense_box_edge=[12.0, float("nan")]).tolist()
        [False, True]
    """
    scores = np.asarray(dense, dtype=np.float64)
    without_box = False if dense_box_edge is None else np.isnan(np.asarray(dense_box_edge, dtype=np.float64))
    return np.asarray((scores == 0) | (~np.isnan(scores) & without_box))


def hardness(drop: ArrayLike, never_learned: ArrayLike) -> NDArray[np.float64]:
    """Return what images are ranked by, ``(N,)``: what they lost, and infinity where they were never learned.

    Example:
        >>> hardness([0.5, float("nan"), float("nan")], [False, True, False]).tolist()
        [0.5, inf, nan]
    """
    return np.where(np.asarray(never_learned, dtype=bool), np.inf, np.asarray(drop, dtype=np.float64))


def hardness_rank(hardness: ArrayLike) -> pd.Series:
    """Return the place of each image, missing where there is nothing to measure: 1 = hardest; ties keep their order.

    Example:
        >>> hardness_rank([0.5, float("inf"), float("nan"), 0.5]).tolist()
        [2, 1, <NA>, 3]
    """
    return pd.Series(hardness, dtype=np.float64).rank(ascending=False, method="first").astype("Int64")


def never_learned_in(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows of a forgetting table are of images never learned.

    A table without the column ``never_learned`` tells it by its masks: there the absolute drop is measured, and the
    relative one is not.
    """
    if "never_learned" in table:
        return table["never_learned"].to_numpy(dtype=bool)
    return np.asarray(table["forgetting"].notna() & table["forgetting_relative"].isna())
