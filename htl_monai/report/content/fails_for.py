"""For whom a network fails, in words: what of the tables of groups and slices is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from htl_monai.report.content.plain_words import (
    count,
    group_named,
    higher_is_harder,
    label_of,
    listed,
    number,
    p_value,
    shortened,
    with_interval,
)
from htl_monai.report.known_tables import rows_in
from htl_monai.statistics.bootstrap_interval import TOO_FEW

__all__ = ["hit_groups", "say_fails_for"]

_SURE = 0.05
_FORGETTING = ("relative_forgetting", "forgetting_relative")
_LEAST_GAP = 0.005  # what two digits show
_MOST = 5


def say_fails_for(tables: Mapping[str, pd.DataFrame], primary: str) -> list[str]:
    """Say which groups are worse off than the whole by more than chance explains, and which are too small to say.

    Args:
        tables: those of ``groups``, ``pairs`` and ``slices`` that there are.
        primary: the score that counts first.
    """
    if "groups" not in tables:
        return []
    groups = tables["groups"]
    if groups.empty:
        return [
            "Nothing is known of the cases but their pictures. Add columns such as age, sex or site to the data list."
        ]
    hit = hit_groups(groups, primary)
    said = [_group(row) for row in rows_in(hit.head(_MOST))]
    if len(hit) > _MOST:
        said.append(f"{len(hit) - _MOST} more groups are worse off; see the table of groups.")
    if not said and "p_holm" in groups:
        tested = groups[groups["p_holm"].notna()]
        if len(tested):
            names = listed([label_of(name) for name in tested["column"].unique()])
            said.append(f"No group stands out (by {names}): none is worse off than all by more than chance explains.")
    pairs = hit_groups(tables.get("pairs", groups.head(0)), primary)
    said += [_group(row) for row in rows_in(pairs.head(2))]
    said += _slices(tables.get("slices"), primary)
    return said + _too_few(groups, primary)


def hit_groups(table: pd.DataFrame, primary: str) -> pd.DataFrame:
    """Return the rows of a table of groups that are worse off than the whole after Holm, by the score that counts first
    and then by forgetting, the widest gaps first.
    """
    if "p_holm" not in table or "gap_whole" not in table:
        return table.head(0)
    hit = []
    for measure in _measures(table, primary):
        of = table[table["measure"] == measure]
        gap = of["gap_whole"] * (-1 if higher_is_harder(measure) else 1)
        found = of[(gap <= -_LEAST_GAP) & (of["p_holm"] < _SURE)]
        hit.append(found.loc[gap[found.index].sort_values(kind="stable").index])
    return pd.concat(hit).drop_duplicates(["column", "group"]) if hit else table.head(0)


def _measures(table: pd.DataFrame, primary: str) -> list[str]:
    """Return the measures that a reader asks for: what the unpruned network scores, and what is forgotten."""
    names = list(dict.fromkeys(map(str, table["measure"])))
    scores = [name for name in names if name.endswith("_dense") or name in (primary, f"foreground_{primary}")]
    return scores + [name for name in names if name in _FORGETTING] or names[:1]


def _group(row: Mapping[str, Any]) -> str:
    """Say of one group how it scores, beside the whole."""
    measure = str(row["measure"])
    mean, gap = float(row["mean"]), float(row["gap_whole"])
    where = group_named(row["column"], row["group"])
    interval = with_interval(mean, _end(row, "low"), _end(row, "high"))
    return (
        f"{where[0].upper()}{where[1:]}: mean {label_of(measure)} {interval} in "
        f"{count(int(row['n']), 'image')}, {number(abs(gap))} {'above' if gap > 0 else 'below'} that of all "
        f"({p_value(float(row['p_holm']))} after correction for all groups)."
    )


def _slices(slices: pd.DataFrame | None, primary: str) -> list[str]:
    if slices is None or slices.empty or not {"mean_confirmed", "n_confirmed", "p_holm"} <= {*slices}:
        return []
    confirmed = slices[(slices["p_holm"] < _SURE) & slices["measure"].isin(_measures(slices, primary))]
    return [
        f"Found by search: {shortened(str(row['slice']), 120)}; mean {label_of(str(row['measure']))} "
        f"{with_interval(row['mean_confirmed'], _end(row, 'low'), _end(row, 'high'))} in "
        f"{count(int(row['n_confirmed']), 'image')} that played no part in finding it."
        for row in rows_in(confirmed.drop_duplicates("slice").head(2))
    ]


def _too_few(groups: pd.DataFrame, primary: str) -> list[str]:
    if "note" not in groups:
        return []
    first = groups[groups["measure"].isin(_measures(groups, primary)[:1])]
    few = first[(first["note"] == TOO_FEW) & (first["n"] > 0)]
    names = [f"{group_named(r['column'], r['group'])} ({int(r['n'])})" for r in rows_in(few)]
    return [f"Too few images to say: {listed(names, 6)}."] if names else []


def _end(row: Mapping[str, Any], name: str) -> float:
    return float(row.get(name, float("nan")))
