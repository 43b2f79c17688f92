"""Searches for slices: conditions on metadata and properties of pictures under which a model is worse."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.analysis.slice_search import conditions_of, search
from htl_monai.statistics.bootstrap_interval import bootstrap_interval
from htl_monai.statistics.gap_test import gap_test
from htl_monai.statistics.holm import holm
from htl_monai.statistics.subjects import subject_numbers

__all__ = ["FOUND", "NOT_CONFIRMED", "find_slices"]

FOUND, NOT_CONFIRMED = "found", "not confirmed"

_COLUMNS = (
    *("measure", "slice", "conditions", "n_found", "mean_found", "n_confirmed", "mean_confirmed"),
    *("low", "high", "gap", "p_holm", "note"),
)
_ALPHA = 0.05


def find_slices(
    table: pd.DataFrame,
    measures: Mapping[str, bool],
    columns: Iterable[Hashable] | None = None,
    max_conditions: int = 2,
    min_size: int = 10,
    share_confirm: float = 0.5,
    seed: int = 0,
    properties: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find slices, by one condition or two, whose mean is worse than that of all other images, and confirm them.

    Subjects fall into two parts. On one every condition and pair of them is tried: each value of a column of few, and
    at most or above each of five quantiles of numbers. Those worth a second look (Benjamini and Hochberg 1995, at 0.2),
    of which no condition adds nothing and none repeats another, are held against the rest again on the part that the
    search has not seen (:func:`~htl_monai.statistics.gap_test.gap_test`, one-sided, corrected after Holm). So where
    nothing is to be found something is with a probability of at most 5 %.

    Args:
        table: one row an image; images of one ``subject`` stay together.
        measures: columns of numbers, and of each whether higher is better; NaN and infinite values are left out.
        columns: metadata and properties to search, as far as ``table`` has them; by default every one but the measures.
        max_conditions: 1 or 2.
        min_size: images that a slice, and the rest, must have where it is searched; half as many confirm it.
        share_confirm: the share of the subjects that the search does not see, in (0, 1).
        seed: of the division.
        properties: more columns to search, by ``id``, such as those of
            :func:`~htl_monai.analysis.picture_properties.picture_properties`; those of ``table`` come first.

    Returns:
        At most ten slices a measure: ``measure``, ``slice`` in words, ``conditions`` (JSON: a list of ``column`` and
        ``is``, ``at_most`` or ``above``), ``n_found`` and ``mean_found`` where it was searched, ``n_confirmed``,
        ``mean_confirmed`` with its interval ``low`` to ``high``, ``gap`` to the rest and ``p_holm`` where it was not,
        and ``note``: :data:`FOUND`, these first, or :data:`NOT_CONFIRMED`.

    Raises:
        KeyError: ``table`` lacks a measure.
        ValueError: an option is out of range.

    Example:
        >>> numbers = np.arange(400)
        >>> table = pd.DataFrame({"size": numbers % 100, "iou": 0.8 + numbers % 7 / 100 - 0.4 * (numbers % 100 < 25)})
        >>> find_slices(table, {"iou": True})[["slice", "note"]].values.tolist()
        [['size ≤ 24', 'found']]
    """
    _check(table, measures, max_conditions, min_size, share_confirm)
    chosen = [name for name in (table if columns is None else columns) if name not in measures]
    if properties is not None:
        more = properties.columns.difference(table.columns, sort=False)
        table, chosen = table.merge(properties[["id", *more]], "left", "id"), [*chosen, *more]
    parts = [
        _of_measure(table, measure, better, chosen, max_conditions, min_size, share_confirm, seed)
        for measure, better in measures.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))


def _of_measure(
    table: pd.DataFrame,
    measure: str,
    higher_is_better: bool,
    columns: Sequence[Hashable],
    max_conditions: int,
    min_size: int,
    share_confirm: float,
    seed: int,
) -> pd.DataFrame:
    everything = table[measure].to_numpy(np.float64, na_value=np.nan)
    scored, values = table[np.isfinite(everything)].reset_index(drop=True), everything[np.isfinite(everything)]
    subjects = subject_numbers(scored.get("subject"), len(scored))
    conditions, masks = conditions_of(scored, columns)
    order = np.random.default_rng(seed).permutation(subjects.max(initial=-1) + 1)
    searched = np.isin(subjects, order[round(share_confirm * len(order)) :])
    sign = -1.0 if higher_is_better else 1.0
    rows, p_values = [], []
    for places in search(sign * values[searched], masks[:, searched], max_conditions, min_size):
        inside, found = np.asarray(masks[list(places)].all(axis=0)), [conditions[place] for place in places]
        row, p_value = _second_look(values, inside, searched, subjects, sign, min_size)
        named = json.dumps([{"column": c.column, c.relation: c.value} for c in found], ensure_ascii=False)
        rows.append({"measure": measure, "slice": " and ".join(map(str, found)), "conditions": named, **row})
        p_values.append(p_value)
    result = pd.DataFrame(rows, columns=list(_COLUMNS)).assign(p_holm=holm(p_values))
    result["note"] = np.where(result["p_holm"] < _ALPHA, FOUND, NOT_CONFIRMED)
    return result.sort_values("note", kind="stable", ignore_index=True)


def _check(
    table: pd.DataFrame, measures: Iterable[str], max_conditions: int, min_size: int, share_confirm: float
) -> None:
    missing = [name for name in measures if name not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; name one of these")
    if max_conditions not in (1, 2):
        raise ValueError(f"max_conditions must be 1 or 2, got {max_conditions}; more could be chance")
    if min_size < 2:
        raise ValueError(f"min_size must be at least 2, got {min_size}; 10 is the default")
    if not 0 < share_confirm < 1:
        raise ValueError(f"share_confirm must be in (0, 1), got {share_confirm}; 0.5 is the default")


def _second_look(
    values: NDArray[np.float64],
    inside: NDArray[np.bool_],
    searched: NDArray[np.bool_],
    subjects: NDArray[np.intp],
    sign: float,
    min_size: int,
) -> tuple[dict[str, Any], float]:
    """Return what a slice is where it was searched and where it was not, and the p-value of the latter."""
    seen, new, rest = inside & searched, inside & ~searched, ~inside & ~searched
    row = {"n_found": seen.sum(), "mean_found": values[seen].mean(), "n_confirmed": new.sum()}
    if not new.any() or not rest.any():
        return row, np.nan
    low, high = bootstrap_interval(values[new], subjects=subjects[new])
    gap, _, p_value = gap_test(values[~searched], inside[~searched], subjects[~searched])
    row |= {"mean_confirmed": values[new].mean(), "low": low, "high": high, "gap": gap}
    enough = min(new.sum(), rest.sum()) >= min_size / 2
    return row, (p_value / 2 if sign * gap > 0 else 1 - p_value / 2) if enough else np.nan
