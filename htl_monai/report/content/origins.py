"""Where the numbers come from, and what each file of the folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from xarray import Dataset

from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import listed, percent, said
from htl_monai.runs import layout

__all__ = ["FILES", "files_of", "made_on", "provenance_of"]

FILES = {
    "scores.nc": "Every score of every case at every level of pruning (netCDF, for xarray).",
    "ranking.csv": "All cases, hardest first, with every ranking and what is known of them.",
    "rankings.csv": "What each ranking is good for, and how like the others it is.",
    "groups.csv": "Scores by group, with intervals and what is left after correction.",
    "pairs.csv": "The same for pairs of columns, such as sex and age.",
    "slices.csv": "Groups that a search found, and what held-out cases say of them.",
    "properties.csv": "Simple properties of each picture: size, contrast, brightness, blur.",
    "impact.csv": "What each level of pruning costs, in the mean and in shares of images.",
    "comparison.csv": "Paired differences between the arms, with intervals.",
    "scores.csv": "Mean scores of each arm on the test images.",
    "scores_of_seeds.csv": "The same for each seed.",
    "detection.csv": "How well planted hard images were found (drawn data).",
    "arms.csv": "Average precision of each arm, class by class.",
    "pies.csv": "The images that pruning changes most (PIEs).",
    "pie_ratios.csv": "Whom these show more often than the others.",
    "noise.csv": "Hard or mislabelled, for each image.",
    "first_drop.csv": "At which sparsity each class is forgotten.",
    "overall.csv": "Mean average precision by way and level of compression.",
    "notes.csv": "What to know of the data and the networks, a sentence each.",
    "sparsity.csv": "What was really removed of each layer.",
    "selections": "The hardest tenth by each ranking, as lists that can be trained on.",
    "provenance.json": "Versions, settings, and the hashes of what was read.",
    layout.RUN_NOTE: "What the run consists of.",
    "skipped.csv": "Which images were left out, and why.",
}
"""What a person may want to open, and what it holds."""

_VERSIONS = {"htl-monai": "HTL-MONAI", "monai": "MONAI", "torch": "PyTorch", "python": "Python"}


def files_of(found: Found) -> list[list[str]]:
    """Return those of :data:`FILES` that there are, as paths below the folder."""
    places = ("", f"{layout.REPORTING}/", *(f"{stage}/" for stage in found.note.stages))
    there = [(f"{place}{name}", text) for place in dict.fromkeys(places) for name, text in FILES.items()]
    return [[path, text] for path, text in there if (found.folder / path).exists()][:40]


def made_on(folder: Path) -> str:
    """Return the day on which the newest record of a folder was written; empty where there is none."""
    records = [*folder.glob("provenance.json"), *folder.glob("*/provenance.json"), *folder.glob("*/*/provenance.json")]
    newest = max((path.stat().st_mtime for path in records), default=None)
    return "" if newest is None else datetime.fromtimestamp(newest).strftime("%-d %B %Y")


def provenance_of(found: Found) -> list[list[str]]:
    """Return label and value of what the numbers depend on."""
    record: Mapping[str, Any] = next(reversed([*found.records.values()]), {})
    rows = [
        ("folder", str(found.folder)),
        ("model", found.audited.get("model") or record.get("bundle") or found.note.bundle),
        ("setting", found.note.setting),
        ("data", found.audited.get("data") or found.note.data),
        ("data digest", record.get("data")),
        *((f"SHA-256 of {name}", value) for name, value in list(_dict(record.get("inputs")).items())[:3]),
        *_of_scores(found.main),
        ("device", record.get("device")),
        ("machine", record.get("machine")),
        *((label, _dict(record.get("versions")).get(name)) for name, label in _VERSIONS.items()),
        ("source revision", record.get("git_revision")),
    ]
    return [[label, said(value)] for label, value in rows if value not in (None, "")]


def _of_scores(scores: Dataset | None) -> list[tuple[str, Any]]:
    if scores is None:
        return []
    seeds = listed([str(seed) for seed in scores["seed"].values], 40) if "seed" in scores.dims else None
    levels = listed([percent(float(level)) for level in scores["level"].values], 24)
    attrs = scores.attrs
    return [("task", attrs.get("task")), ("pruning", attrs.get("compression")), ("levels", levels), ("seeds", seeds)]


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
