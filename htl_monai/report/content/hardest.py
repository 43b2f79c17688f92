"""The hardest cases with their pictures, and the thumbnails of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from htl_monai.report.content.cases import Cases
from htl_monai.report.content.plain_words import said

__all__ = ["hardest_of", "ids_of_hardest", "networks_in", "thumbnails_of"]

_TRUTH = {"name": "truth", "label": "given label", "role": "truth"}


def ids_of_hardest(cases: Cases, count: int) -> list[str]:
    """Return the ids of the hardest cases, hardest first; fewer where fewer could be ranked."""
    ranked = cases.table[cases.table["rank"].notna()] if cases.ranking else cases.table.head(0)
    return [str(id_) for id_ in ranked["id"].head(count)]


def hardest_of(cases: Cases, ids: Sequence[str], pictures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the hardest cases with what is known of each, as a person reads it, and what was drawn of it.

    Args:
        cases: all of them.
        ids: of the hardest.
        pictures: see :func:`~htl_monai.report.pictures.read_pictures.read_pictures`.
    """
    places = {str(id_): place for place, id_ in enumerate(cases.table["id"])}
    shown = [column for column in cases.columns if column.name not in ("id", "rank")]
    shown = [column for column in shown if column.show or column.kind != "number"]
    drawn, unreadable = pictures.get("hardest", {}), pictures.get("unreadable", {})
    found = []
    for id_ in ids:
        row = cases.table.loc[places[id_]]
        facts = [[column.label, said(row[column.name], column.digits)] for column in shown]
        why = unreadable.get(id_, "it was not drawn when this report was made")
        seen = drawn.get(id_, {"note": f"There is no picture of this case: {why}."})
        found.append({"case": places[id_], "title": id_, "facts": [fact for fact in facts if fact[1] != "–"], **seen})
    return found


def networks_in(pictures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what is outlined in the pictures, in the order of the legend."""
    return [_TRUTH, *pictures["networks"]] if pictures.get("networks") else []


def thumbnails_of(cases: Cases, pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the thumbnail of each case lies; nothing where there are none."""
    if not pictures:
        return {}
    found = pictures["thumbnails"]
    return {**found, "of": [found["of"].get(str(id_)) for id_ in cases.table["id"]]}
