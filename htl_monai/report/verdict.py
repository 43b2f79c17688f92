"""Says in one sentence whether fine-tuning on the forgotten images helped, and no more than the seeds allow."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

_MORE_SEEDS = "--seeds 0:3"
ARM_NAMES = {
    "htl": "fine-tuning on forgotten images",
    "random": "fine-tuning on random ones",
    "upweighted": "weighing the forgotten images more",
    "left_alone": "leaving all alone",
}


def verdict(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the closing sentence of a run, on the first of its arms.

    Args:
        tables: of a run, of one seed or of several. Where images have classes, ``arms`` decides, by the mean average
            precision beside the reference; else ``comparison``, by its first score beside the second arm that trains.

    Returns:
        A sentence; empty where nothing was compared.
    """
    row = deciding_row(tables)
    if row is None:
        return ""
    what, other = (ARM_NAMES.get(row[name], f"the arm {row[name]}") for name in ("model", "reference"))
    difference, low, high = (100 * float(row[name]) for name in ("difference", "low", "high"))
    return verdict_of(what, other, seeds_of(row), difference, low, high, str(row["unit"]))


def deciding_row(tables: Mapping[str, pd.DataFrame]) -> pd.Series | None:
    """Return the row that the verdict is on, see :func:`verdict`, and the ``unit`` of its difference; None = none."""
    arms = tables.get("arms", pd.DataFrame({"class": []}))
    rows, unit = arms[arms["class"] == "mean"].rename(columns={"arm": "model"}), "points of average precision"
    if rows.empty and len(tables.get("comparison", ())):
        comparison = tables["comparison"]
        score = str(comparison["score"].iloc[0])
        rows = comparison[(comparison["reference"] != comparison["reference"].iloc[0]) & (comparison["score"] == score)]
        unit = f"points of {score.replace('_', ' ').replace('iou', 'IoU')}"
    return None if rows.empty else pd.concat([rows.iloc[0], pd.Series({"unit": unit})])


def seeds_of(row: pd.Series) -> int:
    """Return how many pairs of networks a row of a comparison is of."""
    return int(row["n_seeds"]) if "n_seeds" in row else 1


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
        'In 3 seeds A was not distinguishable from B: +0.1 points [−0.6, 0.8].'
    """
    points = f"{_signed(difference)} {unit}"
    if n_seeds < 2:
        return (
            f"One seed cannot say whether it helped: {what} came out at {points} against {other}, and another seed may "
            f"turn that round. For a verdict: {_MORE_SEEDS}."
        )
    if pd.isna(low) or pd.isna(high):
        return f"In {n_seeds} seeds {what} could not be told from {other}: {points}, without an interval."
    judged = "was better than" if low > 0 else "was worse than" if high < 0 else "was not distinguishable from"
    interval = ", ".join(_signed(end).removeprefix("+") for end in (low, high))
    return f"In {n_seeds} seeds {what} {judged} {other}: {points} [{interval}]."


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
