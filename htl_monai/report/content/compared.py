"""Which arms were compared, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import label_of
from htl_monai.report.known_tables import rows_in

__all__ = ["arms_of", "comparison_of"]

_KEPT = ("difference", "low", "high")


def comparison_of(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return the paired differences of arms: of the mean average precision where classes are many, then of scores."""
    arms = tables.get("arms", pd.DataFrame({"class": []}))
    rows = arms[arms["class"] == "mean"].rename(columns={"arm": "model"}).assign(score="mean_average_precision")
    found = [part for part in (rows, tables.get("comparison")) if part is not None and len(part)]
    return [_row(row) for part in found for row in rows_in(part)]


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {key: str(row[key]) for key in ("score", "model", "reference")}
    note = row.get("note")
    said = {"label": label_of(names["score"]), "note": note if isinstance(note, str) else ""}
    return names | said | {key: row.get(key) for key in _KEPT}


def arms_of(found: Found) -> list[dict[str, Any]]:
    """Return what each arm is for, and its mean scores."""
    scores = found.tables.get("scores", pd.DataFrame({"model": []})).set_index("model")
    names = list(dict.fromkeys([*found.note.arms, *scores.index]))
    of = {name: scores.loc[name].dropna().to_dict() if name in scores.index else {} for name in names}
    return [
        {"name": name, "label": label_of(name), "meaning": found.note.arms.get(name, "")} | _numbers(of[name])
        for name in names
    ]


def _numbers(row: Mapping[Any, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in row.items() if isinstance(value, int | float)}
