"""Makes one dict of a folder: all that the page of a report shows, from files alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from htl_monai.report.content.cases import Cases, cases_of, primary_of
from htl_monai.report.content.compared import arms_of, comparison_of
from htl_monai.report.content.curves import curves_of
from htl_monai.report.content.done import say_done, subtitle_of, title_of
from htl_monai.report.content.fails_for import say_fails_for
from htl_monai.report.content.found import Found, find
from htl_monai.report.content.hardest import hardest_of, ids_of_hardest, networks_in, thumbnails_of
from htl_monai.report.content.judged import quadrants_of, rankings_of
from htl_monai.report.content.next_steps import say_next
from htl_monai.report.content.origins import files_of, made_on, provenance_of
from htl_monai.report.content.plain_words import higher_is_harder, label_of
from htl_monai.report.content.tiles import tiles_of
from htl_monai.report.content.verdict_said import say_verdict
from htl_monai.report.content.warnings_said import say_warnings
from htl_monai.report.known_tables import rows_in
from htl_monai.report.pictures.read_pictures import read_pictures

__all__ = ["content_of", "read_content"]


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
    found = find(folder)
    return content_of(found, cases_of(found, by), hardest, found.folder)


def content_of(found: Found, cases: Cases, hardest: int, place: Path) -> dict[str, Any]:
    """Return what :func:`read_content` returns, of what was found, for a page in ``place``."""
    if hardest < 0:
        raise ValueError(f"hardest must be at least 0, got {hardest}; 24 is usual")
    score = str(found.main.attrs["primary"]) if found.main is not None else ""
    pictures = read_pictures(found.folder, inlined=place != found.folder)
    content = {
        "title": title_of(found),
        "kind": found.kind,
        "subtitle": subtitle_of(found, cases, made_on(found.folder)),
        "words": {
            "done": say_done(found, cases),
            "verdict": say_verdict(found),
            "fails_for": say_fails_for(found.tables, score),
            "next": say_next(found, cases, score),
            "warnings": say_warnings(found, cases),
        },
        "below": found.below,
        "primary": primary_of(found),
        "tiles": tiles_of(found, cases, score),
        "curves": curves_of(found),
        "cases": cases.content(),
        "thumbnails": thumbnails_of(cases, pictures),
        "hardest": hardest_of(cases, ids_of_hardest(cases, hardest), pictures),
        "networks": networks_in(pictures),
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


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the rows of a table of groups or slices, with what their measure is called."""
    return [] if table is None else [row | _of_measure(str(row["measure"])) for row in rows_in(table)]


def _of_measure(name: str) -> dict[str, Any]:
    return {"label": label_of(name), "higher_is_better": not higher_is_harder(name)}


def _json(value: Any) -> Any:
    """Return a value as JSON holds it: NaN, infinities and missing are None."""
    if isinstance(value, Mapping):
        return {str(key): _json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is pd.NA or (isinstance(value, float) and not np.isfinite(value)) else value
