"""Says in one sentence whether fine-tuning on the forgotten images helped, and no more than the seeds allow."""

from __future__ import annotations

import pandas as pd

__all__ = ["verdict", "verdict_of", "verdict_on_arms"]

_MORE_SEEDS = "--seeds 0:3"
_ARMS = {
    "htl": "fine-tuning on forgotten images",
    "random": "fine-tuning on random ones",
    "upweighted": "weighing the forgotten images more",
    "left_alone": "leaving all alone",
}


def verdict(comparison: pd.DataFrame, score: str = "foreground_iou") -> str:
    """Return the closing sentence of a run on lesions.

    Args:
        comparison: the table ``comparison`` of a run, of one seed or of several.
        score: the score that decides.

    Returns:
        A sentence on the first two arms that train; empty where there are no two.
    """
    rows = comparison[(comparison["reference"] != "dense") & (comparison["score"] == score)]
    if rows.empty:
        return ""
    row, unit = rows.iloc[0], f"points of {score.replace('_', ' ').replace('iou', 'IoU')}"
    n_seeds = int(row["n_seeds"]) if "n_seeds" in row else 1
    what = (
        _ARMS.get(row["model"], f"the arm {row['model']}"),
        _ARMS.get(row["reference"], f"the arm {row['reference']}"),
    )
    return verdict_of(*what, n_seeds, 100 * row["difference"], 100 * row["low"], 100 * row["high"], unit)


def verdict_on_arms(arms: pd.DataFrame) -> str:
    """Return the closing sentence of a run on chest X-rays: whether the forgotten images helped by more weight, say.

    Args:
        arms: the table ``arms`` of a run.

    Returns:
        A sentence on the first arm; empty where there is none.
    """
    rows = arms[arms["class"] == "mean"]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    difference, low, high = (100 * float(row[name]) for name in ("difference", "low", "high"))
    what = _ARMS.get(row["arm"], f"the arm {row['arm']}"), _ARMS.get(row["reference"], f"the arm {row['reference']}")
    return verdict_of(*what, int(row["n_seeds"]), difference, low, high, "points of average precision")


def verdict_of(
    what: str, other: str, n_seeds: int, difference: float, low: float, high: float, unit: str = "points"
) -> str:
    """Return a sentence on a difference between two ways to train.

    Args:
        what: the way that is judged, such as ``fine-tuning on forgotten images``.
        other: the way that it is held against.
        n_seeds: how many pairs of networks the difference is a mean of.
        difference: the mean; positive = ``what`` is better.
        low: lower end of its interval over seeds and images; NaN where there is none.
        high: its upper end.
        unit: of these numbers.

    Example:
        >>> verdict_of("A", "B", 3, 0.12, -0.6, 0.8)
        'In 3 seeds A was not distinguishable from B: +0.1 points [-0.6, 0.8].'
    """
    if n_seeds < 2:
        return (
            f"One pair of networks is no verdict on the method, and an interval over its images none either: with "
            f"another seed the {difference:+.1f} {unit} of {what} over {other} may turn round. {_MORE_SEEDS} gives one."
        )
    if pd.isna(low) or pd.isna(high):
        judged = "could not be told from"
        return f"In {n_seeds} seeds {what} {judged} {other}: {difference:+.1f} {unit}, without an interval."
    judged = "was better than" if low > 0 else "was worse than" if high < 0 else "was not distinguishable from"
    return f"In {n_seeds} seeds {what} {judged} {other}: {difference:+.1f} {unit} [{low:.1f}, {high:.1f}]."
