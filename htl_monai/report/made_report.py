"""Makes the page of a run or an audit: draws its pictures where they are behind, reads the folder, writes it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from htl_monai.data.readers.listing import Item
from htl_monai.report.content.cases import cases_of
from htl_monai.report.content.found import Found, find
from htl_monai.report.content.hardest import ids_of_hardest
from htl_monai.report.content.read_content import content_of
from htl_monai.report.page.write_page import write_page
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.of_run import networks_of_run, pruner_in
from htl_monai.report.pictures.read_pictures import read_pictures
from htl_monai.report.pictures.write_pictures import write_pictures
from htl_monai.runs import layout

__all__ = ["HARDEST", "make_report"]

HARDEST = 24
"""How many cases are shown with their pictures, if nobody says how many."""


def make_report(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    hardest: int = HARDEST,
    by: str | None = None,
    items: Sequence[Item] | None = None,
    networks: Mapping[str, Drawn] | None = None,
    entries: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Path:
    """Write the report of a run or an audit, finished or not: one HTML page to look at.

    Pictures are drawn where there are none of the hardest cases, or where networks were trained or scored since; of an
    audit with the ``networks`` that are given alone, as others would run as code. What lies in the folder is data.

    Args:
        folder: of the run or the audit.
        out: the page; ``report.html`` in the folder by default.
        hardest: how many of the hardest cases are shown with their pictures.
        by: the ranking that orders the cases; by default the first that can be made.
        items: the data list of an audit.
        networks: that are drawn, by name, the dense one first; by default those of the run.
        entries: config entries of a run's networks that its records cannot hold; they run as code.
        progress: show bars on standard error.

    Returns:
        ``out``.

    Raises:
        FileNotFoundError: it is no such folder.
        KeyError: there is no such ranking.
        ValueError: a file in it is damaged, or the ranking cannot be made; ``hardest`` is negative.
        OSError: the folder cannot be written.
    """
    found = find(folder)
    cases = cases_of(found, by)
    ids = ids_of_hardest(cases, hardest)
    known = {str(item["id"]): item for item in items or ()}
    known = known or {id_: _with_label(item) for id_, (_, item) in found.items.items()}
    shown = [known[id_] for id_ in map(str, cases.table["id"]) if id_ in known]
    behind = bool(shown) and _is_behind(found, ids)
    drawn = (_of_run(found, entries or {}) if networks is None else networks) if behind else {}
    if drawn or (behind and not (found.folder / layout.PICTURES).is_file()):
        write_pictures(found.folder, shown, [id_ for id_ in ids if id_ in known], drawn, progress)
        cases = cases_of(found, by)  # with what was measured of the pictures
    page = Path(out).resolve() if out is not None else found.folder / layout.REPORT
    return write_page(content_of(found, cases, hardest, page.parent), page)


def _with_label(item: Item) -> Item:
    """Return an item whose label, where it is one number a class, is a tensor as transforms take it."""
    label = item.get("label")
    if not isinstance(label, list):
        return item
    return item | {"label": torch.tensor([float("nan") if value is None else value for value in label])}


def _is_behind(found: Found, ids: Iterable[str]) -> bool:
    """Tell whether pictures lack, or are older than what a run trained and scored."""
    path = found.folder / layout.PICTURES
    if not path.is_file():
        return True
    made = [found.folder / stage / "provenance.json" for stage in found.note.stages]
    newest = max((file.stat().st_mtime for file in made if file.is_file()), default=0.0)
    return newest > path.stat().st_mtime or not set(ids) <= {*read_pictures(found.folder)["hardest"]}


def _of_run(found: Found, entries: Mapping[str, Any]) -> dict[str, Drawn]:
    if found.main is None or found.level is None:
        return {}
    task = str(next(iter(found.scored.values()), found.main).attrs.get("task", ""))
    arms, stage = [arm for arm in found.scored if arm != "dense"], next(iter(found.mined))
    record = next((record for name, record in found.records.items() if name.split("/")[-1] == stage), {})
    config = record.get("config")
    pruner = pruner_in(config) if isinstance(config, Mapping) else None
    return networks_of_run(found.folder, task, arms, found.level, entries, pruner)
