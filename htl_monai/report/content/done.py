"""What was done, in words."""

from __future__ import annotations

from pathlib import Path

from htl_monai.ranking.ranking import over_seeds
from htl_monai.ranking.registry import rankings
from htl_monai.report.content.cases import Cases
from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import count, label_of, listed, percent
from htl_monai.scores import has_labels, of_samples

__all__ = ["model_of", "say_done", "subtitle_of", "title_of"]


def title_of(found: Found) -> str:
    """Return the page's title."""
    what = "Audit" if found.kind == "audit" else "Run"
    return f"{what} of {model_of(found)}" if model_of(found) else f"{what} {found.folder.name}"


def subtitle_of(found: Found, cases: Cases, date: str) -> str:
    """Return model, data, number of cases and date in one line."""
    data = "/".join(Path(str(found.audited.get("data", found.note.data))).parts[-2:])
    seeds = found.main.sizes.get("seed", 1) if found.main is not None else 1
    parts = [
        found.folder.name,
        data,
        count(len(cases.table), "case"),
        count(seeds, "seed") if seeds > 1 else "",
        date,
    ]
    return " · ".join(part for part in parts if part)


def model_of(found: Found) -> str:
    """Return what the model is called: its bundle, or its file."""
    named = (record.get("bundle") for record in found.records.values())
    return found.note.bundle or next((name for name in named if isinstance(name, str)), "")


def say_done(found: Found, cases: Cases) -> list[str]:
    """Say what was run on what, what was measured, and in which order the cases stand."""
    return [*_run(found), *_scored(found), *_pruned(found), *_order(cases)]


def _run(found: Found) -> list[str]:
    """Say what was trained and compared; of an audit what was looked at."""
    if found.kind == "audit" and found.main is not None:
        return [f"{model_of(found) or 'The model'} was run on {count(found.main.sizes['sample'], 'image')}, as it is."]
    meaning = f" {found.note.meaning[0].upper()}{found.note.meaning[1:]}." if found.note.meaning else ""
    seeds = found.main.sizes.get("seed", 1) if found.main is not None else 1
    n = sum(split == "training" for split, _ in found.items.values())
    of = f" on {count(n, 'image')}" if n else ""
    times = f", {seeds} times with another seed each" if seeds > 1 else ""
    said = [f"{model_of(found) or 'The network'} was trained{of}{times}.{meaning}"]
    if len(found.note.arms) > 1 and found.scored:
        images = count(next(iter(found.scored.values())).sizes["sample"], "test image")
        arms = [label_of(arm) for arm in found.note.arms if arm in found.scored]
        said.append(f"Compared on {images}: {listed(arms)}.")
    return said


def _scored(found: Found) -> list[str]:
    if found.main is None:
        return []
    n, name = found.main.sizes["sample"], label_of(str(found.main.attrs["primary"]))
    if not has_labels(found.main):
        return [
            f"The {count(n, 'image')} that were ranked have no label: their score, {name}, says how far the pruned "
            "network agrees with the unpruned one, not how good it is."
        ]
    n_measured = int(over_seeds(of_samples(found.main).isel(level=0)).notnull().sum())
    classes = [str(one) for one in found.main.attrs["foreground"]]
    of = f" of {listed(classes)}" if "class" in found.main[found.main.attrs["primary"]].dims else ""
    all_of_them = f"all {count(n, 'image')}" if n_measured == n else f"{n_measured:,} of {count(n, 'image')}"
    return [f"The score is {name}{of} against the given labels, measured on {all_of_them}."]


def _pruned(found: Found) -> list[str]:
    if found.level is None or found.main is None:
        return []
    levels = [percent(float(level)) for level in found.main["level"].values if level > 0]
    removed = f"between {levels[0]} and {levels[-1]}" if len(levels) > 6 else listed(levels)
    return [
        f"Then it was run again with {removed} of its weights removed, without any training. Images that it loses on "
        f"the way it hardly held: these are the hard ones. Numbers are those at {percent(found.level)} where no other "
        "is named."
    ]


def _order(cases: Cases) -> list[str]:
    if not cases.ranking:
        return []
    meaning = rankings()[cases.ranking].meaning
    return [f"Cases are ordered by {label_of(cases.ranking)}, hardest first. {meaning}"]
