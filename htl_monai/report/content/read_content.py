"""Makes one dict of a folder: all that the page of a report shows, from files alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.report.content.cases import Cases, cases_of, primary_of
from htl_monai.report.content.compared import arms_of, comparison_of, networks_of
from htl_monai.report.content.curves import curves_of
from htl_monai.report.content.done import say_done, subtitle_of, title_of
from htl_monai.report.content.fails_for import say_fails_for
from htl_monai.report.content.found import find
from htl_monai.report.content.judged import quadrants_of, rankings_of
from htl_monai.report.content.known_tables import rows_in
from htl_monai.report.content.next_steps import say_next
from htl_monai.report.content.origins import files_of, made_on, provenance_of
from htl_monai.report.content.plain_words import label_of, said
from htl_monai.report.content.tiles import tiles_of
from htl_monai.report.content.verdict_said import say_verdict
from htl_monai.report.content.warnings_said import say_warnings

__all__ = ["read_content"]


def read_content(folder: str | os.PathLike[str], hardest: int = 24, by: str | None = None) -> dict[str, Any]:
    """Return what a report of the folder says and shows; what the folder lacks is empty.

    Args:
        folder: of a run or an audit, finished or not.
        hardest: how many of the hardest cases are shown with their pictures.
        by: the ranking that orders the cases; by default the first that can be made.

    Raises:
        FileNotFoundError: it is no such folder.
        KeyError: there is no such ranking.
        ValueError: a file in it is damaged, or the ranking cannot be made; ``hardest`` is negative.
    """
    if hardest < 0:
        raise ValueError(f"hardest must be at least 0, got {hardest}; 24 is usual")
    found = find(folder)
    cases = cases_of(found, by)
    primary = primary_of(found)
    name = str(found.main.attrs["primary"]) if found.main is not None else ""
    content = {
        "title": title_of(found),
        "kind": found.kind,
        "subtitle": subtitle_of(found, cases, made_on(found.folder)),
        "words": {
            "done": say_done(found, cases),
            "verdict": say_verdict(found),
            "fails_for": say_fails_for(found.tables, name),
            "next": say_next(found, cases, name),
            "warnings": say_warnings(found, cases),
        },
        "below": found.below,
        "primary": primary,
        "tiles": tiles_of(found, cases, name),
        "curves": curves_of(found),
        "cases": cases.content(),
        "hardest": _hardest(cases, hardest),
        "networks": networks_of(found),
        **{name: _rows(found.tables.get(name)) for name in ("groups", "pairs", "slices")},
        "rankings": rankings_of(found.tables.get("rankings")),
        "quadrants": quadrants_of(cases),
        "comparison": comparison_of(found.tables),
        "arms": arms_of(found),
        "unfinished": found.unfinished,
        "provenance": provenance_of(found),
        "files": files_of(found),
    }
    return {key: _json(value) for key, value in content.items()}


def _hardest(cases: Cases, count: int) -> list[dict[str, Any]]:
    """Return the hardest cases with what is known of each, as a person reads it."""
    shown = [column for column in cases.columns if column.name != "id"]
    shown = [column for column in shown if column.show or column.kind != "number"]
    ranked = cases.table["rank"].notna() if cases.ranking else pd.Series(False, index=cases.table.index)
    hardest = []
    for place, row in list(cases.table[ranked].iterrows())[:count]:
        facts = [[column.label, said(_plain(row[column.name]))] for column in shown]
        hardest.append({"case": int(str(place)), "title": str(row["id"]), "facts": [f for f in facts if f[1] != "–"]})
    return hardest


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    named = (
        table.assign(column_label=[" × ".join(map(label_of, str(c).split(" × "))) for c in table["column"]])
        if ("column" in table)
        else table
    )
    return rows_in(named)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _json(value: Any) -> Any:
    """Return a value as JSON holds it: NaN, infinities and missing are None."""
    if isinstance(value, Mapping):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    value = _plain(value)
    if value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value
