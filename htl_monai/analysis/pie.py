"""Which images a pruned network sees differently: pruning-identified exemplars, PIEs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

__all__ = ["highest_share", "image_agreement", "image_hardness", "modal_disagreement", "pruning_identified"]


def image_agreement(dense: ArrayLike, pruned: ArrayLike) -> pd.DataFrame:
    """Measure for every image how far the pruned network agrees with the dense one about its classes.

    PruneCXR averages the probabilities over the seeds first and takes the rank correlation of the classes; the distance
    is that of compression-identified exemplars (CIE): the sum over the classes of the absolute differences.

    Args:
        dense: ``(N, C)``, probabilities of the dense network.
        pruned: ``(N, C)``, those of the pruned one.

    Returns:
        One row per image: ``spearman`` in [-1, 1] (lower = more is forgotten; equal probabilities share their mean
        rank; NaN where one of the two gives every class the same probability, and with a single class) and
        ``taxicab`` in [0, C] (higher = more is forgotten).

    Raises:
        ValueError: the shapes differ or are not ``(N, C)``, or a probability is NaN.

    Example:
        >>> table = image_agreement([[0.9, 0.5, 0.1], [0.2, 0.3, 0.4]], [[0.8, 0.5, 0.2], [0.4, 0.3, 0.2]])
        >>> table.round(3).values.tolist()
        [[1.0, 0.2], [-1.0, 0.4]]
    """
    before, after = _same(dense, pruned, "(N, C)")
    ranks = [rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (before, after)]
    scale = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
    products = (ranks[0] * ranks[1]).sum(axis=1)
    spearman = np.divide(products, scale, out=np.full(len(before), np.nan), where=scale > 0)
    return pd.DataFrame({"spearman": np.clip(spearman, -1, 1), "taxicab": np.abs(after - before).sum(axis=1)})


def image_hardness(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.float64]:
    """Return what images are ranked by: how much of the dense network's order of the classes is lost.

    Args:
        dense: ``(N, C)``, probabilities of the dense network.
        pruned: ``(N, C)``, those of the pruned one.

    Returns:
        ``(N,)``; higher = harder: ``1 - spearman`` of :func:`image_agreement`; 1 where the pruned network alone gives
        every class the same probability, so that no order is left; infinite where the dense one does: such an image was
        never learned. NaN with a single class.

    Raises:
        ValueError: as :func:`image_agreement`.

    Example:
        >>> image_hardness([[0.9, 0.1], [0.9, 0.1], [0.5, 0.5]], [[0.1, 0.9], [0.3, 0.3], [0.1, 0.9]]).tolist()
        [2.0, 1.0, inf]
    """
    before, after = _same(dense, pruned, "(N, C)")
    hard = 1 - image_agreement(before, after)["spearman"].to_numpy()
    if before.shape[1] > 1:
        hard[np.isnan(hard)] = 1.0
        hard[(before == before[:, :1]).all(axis=1)] = np.inf
    return np.asarray(hard)


def modal_disagreement(dense: ArrayLike, pruned: ArrayLike) -> NDArray[np.bool_]:
    """Say which images most pruned networks class otherwise than most dense ones (PIEs of Hooker et al.).

    Each network votes for its most probable class. If classes get the same number of votes, the one of the highest mean
    probability wins; if these are equal too, the first.

    Args:
        dense: ``(R, N, C)``, probabilities of the dense networks of ``R`` seeds.
        pruned: ``(R, N, C)``, those of the pruned ones.

    Returns:
        ``(N,)``, True where the winners differ.

    Raises:
        ValueError: the shapes differ or are not ``(R, N, C)``, or a probability is NaN.

    Example:
        >>> modal_disagreement([[[0.9, 0.1], [0.8, 0.3]]], [[[0.6, 0.2], [0.3, 0.4]]]).tolist()
        [False, True]
    """
    before, after = _same(dense, pruned, "(R, N, C)")
    return np.asarray(_winner(before) != _winner(after))


def pruning_identified(score: ArrayLike, share: float = 0.05, lowest: bool = True) -> NDArray[np.bool_]:
    """Choose the share of the images that pruning changes most.

    Args:
        score: ``(N,)``, one column of :func:`image_agreement`. An image that is NaN cannot be ranked: it is not chosen,
            and the share is of the others.
        share: how many to choose, in (0, 1]; rounded to whole images, at least one. PruneCXR takes 0.05.
        lowest: choose the lowest scores (``spearman``), else the highest (``taxicab``).

    Returns:
        ``(N,)``, True for the chosen. Of equal scores at the limit the earlier images are chosen.

    Raises:
        ValueError: ``score`` is not ``(N,)``, or NaN for all images, or ``share`` is out of range.

    Example:
        >>> pruning_identified([0.9, -0.2, 0.5, 0.8], share=0.5).tolist()
        [False, True, True, False]
    """
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"score must be (N,) with N > 0, got {values.shape}; pass one column of image_agreement")
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}; 0.05 means 5 % of the images")
    ranked = np.flatnonzero(~np.isnan(values))
    if not len(ranked):
        raise ValueError(
            f"score must be a number for at least one image, got NaN for all {len(values)}; rank correlation needs two "
            "classes of different probability, the taxicab distance does not"
        )
    order = np.argsort(values[ranked] if lowest else -values[ranked], kind="stable")
    chosen = np.zeros(len(values), dtype=bool)
    chosen[ranked[order[: max(1, round(share * len(ranked)))]]] = True
    return chosen


def highest_share(score: pd.Series, share: float) -> NDArray[np.bool_]:
    """Return :func:`pruning_identified` of the highest scores; none where no image has a score, as with one class."""
    if score.isna().all():
        return np.zeros(len(score), dtype=bool)
    return pruning_identified(score, share, lowest=False)


def _winner(probabilities: NDArray[np.float64]) -> NDArray[np.intp]:
    votes = np.zeros(probabilities.shape[1:])
    for network in probabilities:
        votes[np.arange(len(votes)), network.argmax(axis=-1)] += 1
    best = np.where(votes == votes.max(axis=-1, keepdims=True), probabilities.mean(axis=0), -np.inf)
    return np.asarray(best.argmax(axis=-1))


def _same(dense: ArrayLike, pruned: ArrayLike, shape: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    before, after = np.asarray(dense, dtype=np.float64), np.asarray(pruned, dtype=np.float64)
    if before.ndim != shape.count(",") + 1 or before.shape != after.shape or not before.size:
        raise ValueError(
            f"dense and pruned must be {shape} of the same images and classes, got {before.shape} and {after.shape}; "
            "take both from the same predictions"
        )
    if np.isnan(before).any() or np.isnan(after).any():
        raise ValueError("dense and pruned must be numbers, got NaN; check the network's weights")
    return before, after
