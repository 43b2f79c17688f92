"""What a reader must be warned of, in words."""

from __future__ import annotations

from htl_monai.ranking.ranking import over_seeds
from htl_monai.report.content.cases import Cases
from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import count, listed
from htl_monai.report.known_tables import rows_in
from htl_monai.scores import at_level, score_of

__all__ = ["say_warnings"]

# Notes of an audit that warn of nothing.
_NO_WARNING = ("samples", "unlabelled", "network", "rankings", "order", "judged")


def say_warnings(found: Found, cases: Cases) -> list[str]:
    """Return the notes of the analyses, of networks of no use first, and what the scores themselves tell."""
    notes = [table for name, table in found.tables.items() if name in ("notes", "pie_notes")]
    rows = [row for table in notes for row in rows_in(table) if row.get("about") not in _NO_WARNING]
    rows.sort(key=lambda row: row.get("about") != "usefulness")
    return [
        *[str(row["note"]) for row in rows],
        *_left_out(found),
        *_unfound(found),
        *_never_learned(cases),
        *_unscored(found, cases),
    ]


def _unfound(found: Found) -> list[str]:
    """Say of which classes the network finds nothing in any image that shows them."""
    scores = found.main
    if scores is None or not found.is_labelled or "class" not in (values := score_of(scores)).dims:
        return []
    best = over_seeds(at_level(values, 0.0)).max("sample")
    names = [str(name) for name in scores.attrs["foreground"] if float(best.sel({"class": name})) == 0]
    return [f"The network finds nothing of {listed(names)} in any image."] if names else []


def _left_out(found: Found) -> list[str]:
    """Say which images could not be used."""
    skipped = found.tables.get("skipped")
    if skipped is None or skipped.empty:
        return []
    ids = listed([str(id_) for id_ in skipped["id"]], 3)
    return [f"{count(len(skipped), 'image')} could not be used: {ids}; skipped.csv says why."]


def _never_learned(cases: Cases) -> list[str]:
    if "never_learned" not in cases.table:
        return []
    ids = [str(id_) for id_ in cases.table["id"][cases.table["never_learned"] == 1]]
    if not ids:
        return []
    is_one = len(ids) == 1
    return [
        f"{count(len(ids), 'case')} {'was' if is_one else 'were'} never learned, with a score of 0 before anything was "
        f"pruned: {'it comes' if is_one else 'they come'} first, and can forget nothing ({listed(ids, 3)})."
    ]


def _unscored(found: Found, cases: Cases) -> list[str]:
    if not cases.ranking or found.main is None:
        return []
    of_main = cases.table[cases.table["id"].isin(found.main.indexes["sample"])]
    n = int(of_main["rank"].isna().sum())
    return [f"{count(n, 'case')} could not be ranked: nothing was measured there."] if n else []
