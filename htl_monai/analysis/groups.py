"""Whom a score hits: summaries by age, sex, diagnosis or any other column."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few

__all__ = ["AGE_GROUPS", "UNKNOWN", "age_group", "group_summary", "groups_of"]

AGE_GROUPS = ("<= 30", "31-50", "> 50")
UNKNOWN = "unknown"


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
        n_resamples: bootstrap samples.
        seed: seed of the resampling.
        confidence: level of the interval, in (0, 1).

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
    return pd.qcut(known, 3, duplicates="drop").reindex(column.index) if is_number else None
