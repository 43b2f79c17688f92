"""For whom a score is better or worse: by age, sex, diagnosis or any other column, and by pairs of columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few
from htl_monai.statistics.gap_test import gap_test
from htl_monai.statistics.holm import holm
from htl_monai.statistics.subjects import subject_numbers

AGE_GROUPS = ("<= 30", "31-50", "> 50")
UNKNOWN = "unknown"
MOST_GROUPS = 20
"""A column of more different values makes no groups, unless they are numbers: these fall into thirds."""

_COLUMNS = (
    *("measure", "column", "group", "n", "n_missing", "mean", "low", "high"),
    *("gap_whole", "gap_best", "p", "p_holm", "note"),
)
# These first, in this order; what was planted is shown by its group.
_FIRST = ("sex", "age_group", "diagnosis", "site", "hard_group")
NO_GROUPS = frozenset({"id", "subject", "image", "mask", "hard"})
"""What names images, subjects or files, and what was planted (its groups are ``hard_group``)."""


def groups_table(
    table: pd.DataFrame,
    measures: Mapping[str, bool],
    columns: Iterable[Hashable] | None = None,
    bins: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
) -> pd.DataFrame:
    """Summarise measures in every group of every column of the metadata, and hold each group against the others.

    fairlearn's ``MetricFrame`` groups and subtracts as well, but knows neither subjects nor corrections, and its
    intervals resample images.

    Args:
        table: one row an image; where it has ``subject``, subjects are the draws, each with all its images.
        measures: columns of numbers, and of each whether higher is better. NaN and infinite values are not measured.
        columns: the metadata to group by, see :func:`grouping`; by default every column that is no measure.
        bins: edges for columns of numbers, instead of thirds.
        seed: of the resampling.

    Returns:
        One row a measure, column and group, categories in their order and ``unknown`` last, for images whose group is
        missing: ``measure``, ``column``, ``group``, ``n`` (images with a value), ``n_missing`` (without), ``mean``,
        ``low`` and ``high`` (bootstrap-t interval over subjects), ``gap_whole`` (mean less that of all images),
        ``gap_best`` (mean less that of the best group of the column that has an interval), ``p`` (of no gap to the
        rest, :func:`~htl_monai.statistics.gap_test.gap_test`), ``p_holm`` (corrected over all groups of the measure)
        and ``note``. Where a group is too small for an interval it has no p-value, and the note says so.

    Raises:
        KeyError: ``table`` lacks a measure or a column.
        ValueError: edges do not ascend, or an age is negative.

    Example:
        >>> table = pd.DataFrame({"sex": ["male", "female", None], "iou": [0.5, 0.7, 0.6]})
        >>> groups_table(table, {"iou": True})[["group", "n", "mean"]].values.tolist()
        [['female', 1, 0.7], ['male', 1, 0.5], ['unknown', 1, 0.6]]
    """
    table = table.reset_index(drop=True)
    groups = grouping(table, _chosen(table, measures, columns), bins)
    return _summaries(table, measures, groups, seed, confidence, n_resamples)


def pairs_table(
    table: pd.DataFrame,
    measures: Mapping[str, bool],
    columns: Iterable[Hashable] | None = None,
    bins: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
) -> pd.DataFrame:
    """Summarise measures where two columns meet; arguments and columns are those of :func:`groups_table`.

    Returns:
        One row a measure, pair of columns (``column`` is "sex × site") and pair of groups that has an image ("female ×
        back").
    """
    table = table.reset_index(drop=True)
    groups = grouping(table, _chosen(table, measures, columns), bins)
    met = {}
    for first, second in combinations(groups, 2):
        names = [groups[name].cat.categories for name in (first, second)]
        order = [f"{one} × {other}" for one in names[0] for other in names[1]]
        both = groups[first].astype("string") + " × " + groups[second].astype("string")
        met[f"{first} × {second}"] = pd.Categorical(both, order).remove_unused_categories()
    found = _summaries(table, measures, pd.DataFrame(met, index=table.index), seed, confidence, n_resamples)
    return found[found["group"] != UNKNOWN].reset_index(drop=True)


def without_groups(table: pd.DataFrame, columns: Iterable[Hashable]) -> str | None:
    """Say which columns have too many different values to make groups of; None where there are none."""
    counted = {
        str(name): table[name].astype(str).nunique()
        for name in columns
        if name in table and name not in NO_GROUPS and groups_of(table[name]) is None
    }
    many = [f"{name} ({count} different values)" for name, count in counted.items() if count > MOST_GROUPS]
    return f"No groups are made of {', '.join(many)}; at most {MOST_GROUPS} are." if many else None


def grouping(
    table: pd.DataFrame, columns: Iterable[Hashable], bins: Mapping[str, Sequence[float]] | None = None
) -> pd.DataFrame:
    """Turn metadata into groups, sex, age, diagnosis and site first; see :func:`groups_of`.

    Args:
        table: one row an image.
        columns: the metadata to group by, as far as ``table`` has them; :data:`NO_GROUPS` make none.
        bins: edges for columns of numbers.

    Returns:
        One categorical column a grouping; that of ``age`` is ``age_group``.
    """
    columns, found = list(columns), {}
    for name in columns:
        if name in table and name not in NO_GROUPS:
            groups = groups_of(table[name], (bins or {}).get(str(name)))
            if groups is not None:
                found["age_group" if name == "age" and "age_group" not in columns else str(name)] = groups
    order = [name for name in _FIRST if name in found]
    return pd.DataFrame({name: found[name] for name in dict.fromkeys((*order, *found))}, index=table.index)


def groups_of(column: pd.Series, edges: Sequence[float] | None = None) -> pd.Series | None:
    """Return a column of any kind as groups: numbers between the edges, ages in their bins, many numbers in thirds.

    Returns:
        A categorical column, missing where the value is missing or ``unknown``. None where it makes no groups: fewer
        than two values, or more than :data:`MOST_GROUPS` that are no numbers.

    Raises:
        ValueError: the edges do not ascend, or an age is negative.

    Example:
        >>> groups_of(pd.Series(range(90), name="area")).cat.categories.tolist()
        ['0 to 29.7', '29.7 to 59.3', '59.3 to 89']
        >>> groups_of(pd.Series(range(90), name="area"), [10, 50]).value_counts().tolist()
        [40, 39, 11]
        >>> groups_of(pd.Series(["a", "a"])) is None
        True
    """
    known = column.dropna()
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not is_number:
        known = known.astype(str)
        known = known[known != UNKNOWN]
    if edges is not None and is_number:
        groups = _between(known, edges)
    elif known.nunique() < 2:
        return None
    elif is_number and column.name == "age":
        groups = age_group(known)
    elif known.nunique() <= MOST_GROUPS:
        groups = known.astype("category")
    elif is_number:
        groups = _thirds(known)
    else:
        return None
    return groups.cat.rename_categories(str).reindex(column.index)


def age_group(age_years: pd.Series | Sequence[float | None]) -> pd.Series:
    """Sort ages into the groups of Attend Who is Weak: at most 30, 31 to 50, and above 50 years.

    The paper writes "30-40"; its printed shares are those of these bins on the training metadata.

    Args:
        age_years: ages; None or NaN = unknown.

    Returns:
        An ordered categorical column with the index of ``age_years``; unknown ages stay missing.

    Raises:
        ValueError: an age is negative.

    Example:
        >>> age_group([30, 35, 85]).tolist()
        ['<= 30', '31-50', '> 50']
    """
    ages = pd.Series(age_years, dtype=float)
    if (ages < 0).any():
        raise ValueError(f"age_years must be at least 0, got {ages.min()}; mark an unknown age as missing")
    return pd.cut(ages, bins=[-1, 30, 50, float("inf")], labels=list(AGE_GROUPS))


def _chosen(table: pd.DataFrame, measures: Mapping[str, bool], columns: Iterable[Hashable] | None) -> list[Hashable]:
    chosen = [name for name in table if name not in measures] if columns is None else list(columns)
    missing = [name for name in (*measures, *chosen) if name not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; name one of these")
    return chosen


def _between(numbers: pd.Series, edges: Sequence[float]) -> pd.Series:
    if not len(edges) or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise ValueError(
            f"bins must be finite, ascending edges, got {list(edges)} for {numbers.name}; [30, 50] is good"
        )
    inner = [f"> {low:g} to {high:g}" for low, high in pairwise(edges)]
    names = [f"<= {edges[0]:g}", *inner, f"> {edges[-1]:g}"]
    return pd.cut(numbers, [-np.inf, *edges, np.inf], labels=names)


def _thirds(numbers: pd.Series) -> pd.Series:
    thirds = pd.qcut(numbers, 3, duplicates="drop")
    names = [f"{max(part.left, numbers.min()):.3g} to {part.right:.3g}" for part in thirds.cat.categories]
    return thirds.cat.rename_categories(names) if len(set(names)) == len(names) else thirds


def _summaries(
    table: pd.DataFrame,
    measures: Mapping[str, bool],
    groups: pd.DataFrame,
    seed: int,
    confidence: float,
    n_resamples: int,
) -> pd.DataFrame:
    """Return the rows of each measure, column and group."""
    subjects = subject_numbers(table.get("subject"), len(table))
    parts = []
    for measure, higher_is_better in measures.items():
        values = table[measure].to_numpy(np.float64, na_value=np.nan)
        for column in groups:
            rows = [
                (measure, column, group, *_summary(values, inside, subjects, seed, confidence, n_resamples))
                for group, inside in _members(groups[column])
            ]
            found = pd.DataFrame(rows, columns=[name for name in _COLUMNS if name not in ("gap_best", "p_holm")])
            sure = found.loc[found["low"].notna() & (found["group"] != UNKNOWN), "mean"]
            parts.append(found.assign(gap_best=found["mean"] - (sure.max() if higher_is_better else sure.min())))
    if not parts:
        return pd.DataFrame(columns=list(_COLUMNS))
    found = pd.concat(parts, ignore_index=True)
    return found.assign(p_holm=found.groupby("measure")["p"].transform(holm))[list(_COLUMNS)]


def _members(groups: pd.Series) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the groups of a column, each with which images are in it, the unknown ones last."""
    codes, names = groups.cat.codes.to_numpy(), groups.cat.categories
    return [*((name, codes == code) for code, name in enumerate(names)), (UNKNOWN, codes < 0)]


def _summary(
    values: NDArray[np.float64],
    inside: NDArray[np.bool_],
    subjects: NDArray[np.intp],
    seed: int,
    confidence: float,
    n_resamples: int,
) -> tuple[int, int, float, float, float, float, float, str]:
    """Return n, n_missing, mean, low, high, gap_whole, p and note of some of the images."""
    scored = np.isfinite(values)
    part, of_part = values[inside & scored], subjects[inside & scored]
    n, n_missing = len(part), int((inside & ~scored).sum())
    if not n:
        return n, n_missing, np.nan, np.nan, np.nan, np.nan, np.nan, ""
    gap = part.mean() - values[scored].mean()
    if too_few(part, of_part):
        return n, n_missing, part.mean(), np.nan, np.nan, gap, np.nan, TOO_FEW
    low, high = bootstrap_interval(part, n_resamples, seed, confidence, of_part)
    p = gap_test(values[scored], inside[scored], subjects[scored])[2]
    return n, n_missing, part.mean(), low, high, gap, p, ""
