"""Which classes, and which numbers of findings, are more common among PIEs than among the other images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels

__all__ = ["over_representation"]

_MANY = 4


def over_representation(
    labels: ArrayLike,
    is_pie: ArrayLike,
    classes: Sequence[str],
    no_finding: str = "No Finding",
    n_resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare the frequency of every group of images among PIEs with that among the rest (paper 2).

    The images are resampled, each with its labels and its being a PIE; the choice of PIEs is not repeated. A resample
    without the group in either part says nothing and is left out, so the interval of a group of very few images is
    that of the resamples that hold it.

    Args:
        labels: ``(N, C)`` of 0, 1 and NaN. An image counts for a class if that label is known, and for the number of
            findings if all of them are.
        is_pie: ``(N,)`` of bool.
        classes: the ``C`` names.
        no_finding: the class that is not a finding; if there is none of that name, all are.
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the percentile intervals, in (0, 1).

    Returns:
        One row a group, the classes first, then ``0 findings``, ``1 finding``, ``2 findings``, ``3 findings`` and
        ``4+ findings``: ``group``, ``n_known`` (images that count), ``n`` (those in the group), ``n_pie`` (those that
        are PIEs), ``share_pie`` and ``share_rest`` (fraction of PIEs and of the others in the group), ``ratio`` of the
        two, ``low`` and ``high``. The ratio is above 1 for a group that is over-represented, 0 where none and infinite
        where all of the group are PIEs: no resample can say otherwise there, and the interval is NaN. Ratio and
        interval are NaN where the group never occurs or all or none of the images are PIEs.

    Raises:
        ValueError: the shapes do not fit, or an option is out of range.

    Example:
        >>> table = over_representation([[1], [1], [0], [1], [0], [0]], [1, 1, 1, 0, 0, 0], ["Hernia"])
        >>> table.loc[0, ["n", "n_pie", "share_pie", "share_rest", "ratio"]].astype(float).round(3).tolist()
        [3.0, 2.0, 0.667, 0.333, 2.0]
    """
    truth = checked_labels(labels, classes)
    pie = np.asarray(is_pie).astype(bool)
    if pie.shape != (len(truth),):
        raise ValueError(f"is_pie must be (N,) for {len(truth)} images, got {pie.shape}; pass one entry per image")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}; 2000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    rows: list[dict[str, str | int | float]] = []
    for name, members in _groups(truth, classes, no_finding).items():
        # In the group and a PIE, not in it and a PIE, in it and none, not in it and none, unknown.
        cells = np.array([np.sum(part & (members == value)) for part in (pie, ~pie) for value in (1, 0)])
        cells = np.append(cells, len(truth) - cells.sum())
        # To resample the images is to draw these five counts from a multinomial.
        drawn = np.random.default_rng([seed, len(rows)]).multinomial(len(truth), cells / len(truth), n_resamples)
        share_pie, share_rest = _shares(cells)
        ratio = float(_ratio(share_pie, share_rest))
        one_sided = cells[0] == 0 or cells[2] == 0
        low, high = (np.nan, np.nan) if one_sided else _interval(_ratio(*_shares(drawn.T)), confidence)
        rows.append(
            {
                "group": name,
                "n_known": int(cells[:4].sum()),
                "n": int(cells[0] + cells[2]),
                "n_pie": int(cells[0]),
                "share_pie": float(share_pie),
                "share_rest": float(share_rest),
                "ratio": ratio,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _groups(labels: NDArray[np.float64], classes: Sequence[str], no_finding: str) -> dict[str, NDArray[np.float64]]:
    """Return for each group ``(N,)``: 1 = in it, 0 = not, NaN = unknown."""
    groups = dict(zip(classes, labels.T, strict=True))
    findings = labels[:, [name != no_finding for name in classes]].sum(axis=1)
    unknown = np.where(np.isnan(findings), np.nan, 0.0)
    for count in range(_MANY):
        groups[f"{count} finding{'' if count == 1 else 's'}"] = (findings == count) + unknown
    groups[f"{_MANY}+ findings"] = (findings >= _MANY) + unknown
    return groups


def _shares(cells: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the fraction of PIEs and of the rest that are in the group; NaN for a part without images."""
    with np.errstate(invalid="ignore"):
        return cells[0] / (cells[0] + cells[1]), cells[2] / (cells[2] + cells[3])


def _ratio(share_pie: NDArray[np.float64], share_rest: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(share_pie / share_rest)


def _interval(ratios: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    found = ratios[~np.isnan(ratios)]
    if not len(found):
        return np.nan, np.nan
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(found, tails, method="inverted_cdf")  # takes infinite ratios, too
    return float(low), float(high)
