"""Whom a score hits, and whom pruning makes forget: by age, sex, diagnosis or any other column."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd

from htl_monai.ranking.hardness import bounded_forgetting, never_learned_in
from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few
from htl_monai.statistics.share_interval import share_interval

AGE_GROUPS = ("<= 30", "31-50", "> 50")
UNKNOWN = "unknown"
# These first, in this order; what was planted is shown by its group.
_FIRST = ("sex", "age_group", "diagnosis", "site", "hard_group")
_NO_GROUPS = frozenset({"id", "subject", "split", "image", "mask", "hard"})


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


def group_summary(
    table: pd.DataFrame,
    column: str,
    score: str,
    n_resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Summarise a score in each group of a column: its mean, a bootstrap-t interval, and how many images it rests on.

    Args:
        table: one row per image; where it has ``subject``, subjects are resampled, each with all its images.
        column: the metadata to group by; a missing value (None, NaN) belongs to no group.
        score: the column to summarise.

    Returns:
        One row per group, sorted (categories in their order, also those without an image), and a last row ``unknown``
        for the images whose group is missing: ``group``, ``n`` (images with a score), ``n_missing`` (images whose
        score is NaN), ``mean``, ``low``, ``high`` and ``note``. Without a score the mean is NaN; where there are too
        few for an interval (see :func:`~htl_monai.statistics.bootstrap_interval.too_few`), its ends are, and the note
        says so.

    Raises:
        KeyError: ``table`` lacks ``column`` or ``score``.
        ValueError: a group is called ``unknown`` already.

    Example:
        >>> table = pd.DataFrame({"sex": ["male", "female", None], "forgetting": [0.1, 0.3, 0.2]})
        >>> group_summary(table, "sex", "forgetting")[["group", "n", "mean"]].values.tolist()
        [['female', 1, 0.3], ['male', 1, 0.1], ['unknown', 1, 0.2]]
    """
    missing = [name for name in (column, score) if name not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; name one of these")
    if (table[column] == UNKNOWN).any():
        raise ValueError(f"{column} must not hold the group {UNKNOWN!r}, got it as a value; mark it as missing instead")
    grouped = table.groupby(table[column], sort=True, observed=False)
    groups = [*grouped, (UNKNOWN, table[table[column].isna()])]
    rows = []
    for group, images in groups:
        scored = images.dropna(subset=[score])
        values, subjects = scored[score].astype(float), scored.get("subject")
        low, high = bootstrap_interval(values, n_resamples, seed, confidence, subjects)
        note = TOO_FEW if len(values) and too_few(values, subjects) else ""
        rows.append((group, len(values), len(images) - len(values), values.mean(), low, high, note))
    return pd.DataFrame(rows, columns=["group", "n", "n_missing", "mean", "low", "high", "note"])


def groups_of(column: pd.Series, at_most: int = 20) -> pd.Series | None:
    """Return a column of any kind as groups: ages in their bins, other numbers in thirds where they are many.

    Returns:
        None where it makes no groups: fewer than two values, or more than ``at_most`` texts.

    Example:
        >>> groups_of(pd.Series(range(90), name="area")).value_counts().tolist()
        [30, 30, 30]
        >>> groups_of(pd.Series(range(90), name="area")).cat.categories.tolist()
        ['0 to 29.7', '29.7 to 59.3', '59.3 to 89']
        >>> groups_of(pd.Series(["a", "a"])) is None
        True
    """
    known = column.dropna()
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    texts = column.where(column.isna(), column.astype(str)) if not is_number else column
    if texts.nunique() < 2:
        return None
    if is_number and column.name == "age":
        return age_group(column)
    if texts.nunique() <= at_most:
        return texts.replace(UNKNOWN, None)
    if not is_number:
        return None
    thirds = pd.qcut(known, 3, duplicates="drop")
    names = [f"{max(part.left, known.min()):.3g} to {part.right:.3g}" for part in thirds.cat.categories]
    distinct = len(set(names)) == len(names)
    return (thirds.cat.rename_categories(names) if distinct else thirds).reindex(column.index)


def grouping(table: pd.DataFrame, columns: Iterable[Hashable]) -> pd.DataFrame:
    """Turn metadata into groups, sex, age, diagnosis and site first; see :func:`groups_of`.

    Args:
        table: one row per image.
        columns: the metadata to group by, as far as ``table`` has them; what names images, subjects or files makes no
            groups.

    Returns:
        One column per grouping.
    """
    found: dict[str, pd.Series] = {}
    for name in map(str, columns):
        if name not in table or name in _NO_GROUPS or table[name].isna().all():
            continue
        values = table[name]
        groups = age_group(values) if name == "age" else values if name in _FIRST else groups_of(values)
        if groups is not None:
            names = groups.cat.rename_categories(str) if isinstance(groups.dtype, pd.CategoricalDtype) else groups
            found["age_group" if name == "age" else name] = names
    order = [name for name in _FIRST if name in found]
    return pd.DataFrame({name: found[name] for name in dict.fromkeys((*order, *found))}, index=table.index)


def groups_of_forgetting(
    mined: pd.DataFrame,
    seed: int = 0,
    forgotten_share: float = 0.4,
    columns: Iterable[Hashable] = ("sex", "age", "diagnosis", "site", "hard_group"),
) -> pd.DataFrame:
    """Return forgetting by group of patients.

    In the means no image counts as less than -1 (see :func:`~htl_monai.ranking.hardness.bounded_forgetting`).

    Args:
        mined: the forgetting table at one sparsity.
        forgotten_share: the relative drop from which an image counts as forgotten.
        columns: the metadata to group by, see :func:`grouping`.

    Returns:
        One row per group: ``sparsity`` where the table names it, ``column``, the fields of
        :func:`group_summary` for the relative forgetting, ``n_forgotten``,
        ``n_never_learned`` (images of the group that the dense network never learned: they are hard, and have no
        relative forgetting), ``share_of_images`` and ``share_of_forgotten`` (both in [0, 1], over images of known
        group), and the exact interval of the latter, ``share_of_forgotten_low`` and ``share_of_forgotten_high``.
    """
    mined = mined.assign(
        forgetting_relative=bounded_forgetting(mined["forgetting_relative"]),
        lost=(mined["forgetting_relative"] >= forgotten_share).astype(float),
        never_learned=never_learned_in(mined),
    )
    groups = grouping(mined, columns)
    mined = mined.assign(**{str(name): values for name, values in groups.items()})
    at = {"sparsity": mined["sparsity"].iloc[0]} if "sparsity" in mined and len(mined) else {}
    parts = []
    for column in map(str, groups):
        summary = group_summary(mined, column, "forgetting_relative", seed=seed)
        names = mined[column].astype(object)
        lost = names[mined["lost"] == 1].dropna()
        share = names.dropna().value_counts(normalize=True)
        lost_share = lost.value_counts(normalize=True)
        summary["share_of_images"] = summary["group"].map(share).astype(float)
        known = summary["group"].isin(share.index)
        summary["share_of_forgotten"] = (
            summary["group"]
            .map(lost_share)
            .astype(float)
            .where(~known | summary["group"].isin(lost_share.index), 0.0 if len(lost) else np.nan)
        )
        for count, counted in (("n_forgotten", mined["lost"] == 1), ("n_never_learned", mined["never_learned"])):
            summary[count] = _count(summary["group"], names[counted])
        ends = ["share_of_forgotten_low", "share_of_forgotten_high"]
        summary[ends] = _share_intervals(summary["group"], mined.loc[lost.index].assign(group=lost))
        parts.append(summary.assign(column=column, **at)[[*at, "column", *summary.columns]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["column", "group", "n"])


def _count(groups: pd.Series, found: pd.Series) -> pd.Series:
    """Count how often each group is found; those whose group is missing are of ``unknown``."""
    counts = found.where(found.notna(), UNKNOWN).value_counts()
    return groups.map(counts).astype(float).fillna(0).astype(int)


def _share_intervals(groups: pd.Series, forgotten: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the interval of each group's share of the forgotten images; NaN for images of unknown group."""
    return [
        (np.nan, np.nan)
        if group == UNKNOWN
        else share_interval(forgotten["group"] == group, subjects=forgotten.get("subject"))
        for group in groups
    ]
