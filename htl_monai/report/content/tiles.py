"""The few numbers that matter, for the first screen."""

from __future__ import annotations

import math

from htl_monai.report.content.cases import Cases
from htl_monai.report.content.curves import FORGOTTEN_SHARE, forgotten_share, mean_at
from htl_monai.report.content.fails_for import hit_groups
from htl_monai.report.content.found import Found
from htl_monai.report.content.judged import free_of_labels
from htl_monai.report.content.plain_words import count, label_of, number, percent, shortened

__all__ = ["tiles_of"]

Tile = dict[str, str]


def tiles_of(found: Found, cases: Cases, primary: str) -> list[Tile]:
    """Return at most five: how many cases, how good, how much is forgotten, whom it fails, what finds that."""
    parts = [_cases(cases), _score(found), _forgotten(found), _worst_group(found, primary), _best_ranking(found)]
    return [tile for tile in parts if tile]


def _tile(label: str, value: str, hint: str) -> Tile:
    return {"label": label, "value": value, "hint": hint}


def _cases(cases: Cases) -> Tile:
    return _tile("cases", f"{len(cases.table):,}", "in the table below")


def _score(found: Found) -> Tile:
    """The mean of what is labelled: of the images that were ranked, else of the test images."""
    scores = found.main if found.is_labelled else found.scored.get("dense")
    if scores is None:
        return {}
    mean, low, high = mean_at(scores)
    of = "the cases" if scores is found.main else "the test images"
    name = label_of(str(scores.attrs["primary"]))
    interval = f"95 % interval {number(low)} to {number(high)}" if math.isfinite(low) else "too few for an interval"
    return _tile(f"mean {name}", number(mean), f"{interval}, of the unpruned network over {of}")


def _forgotten(found: Found) -> Tile:
    if (
        found.main is None
        or found.level is None
        or not math.isfinite(share := forgotten_share(found.main, found.level))
    ):
        return {}
    level, lost = percent(found.level), percent(FORGOTTEN_SHARE)
    what = "of their score" if found.is_labelled else "of the agreement with the unpruned network"
    return _tile(
        f"forgotten at {level}", percent(share), f"of images lose {lost} {what} when {level} of the weights go"
    )


def _worst_group(found: Found, primary: str) -> Tile:
    hit = hit_groups(found.tables["groups"], primary) if "groups" in found.tables else None
    if hit is None or hit.empty:
        return {}
    row = hit.iloc[0]
    name, measure = shortened(str(row["group"]).replace("_", " "), 30), label_of(str(row["measure"]))
    hint = f"mean {measure} {number(row['mean'])} in {count(int(row['n']), 'image')}"
    return _tile(f"worst group: {label_of(str(row['column']))}", name, hint)


def _best_ranking(found: Found) -> Tile:
    table = found.tables.get("rankings")
    if table is None or "auroc" not in table or (free := free_of_labels(table)).empty:
        return {}
    best = free.iloc[0]
    hint = f"AUROC of {label_of(str(best['ranking']))} at finding scores below {found.below:g}, without labels"
    return _tile("best ranking", number(best["auroc"]), hint)
