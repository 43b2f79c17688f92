"""What to do next, in words, and the commands to type."""

from __future__ import annotations

import shlex

from htl_monai.report.content.cases import Cases
from htl_monai.report.content.fails_for import hit_groups
from htl_monai.report.content.found import Found
from htl_monai.report.content.judged import both_hard_and_doubtful, free_of_labels, share_in_words
from htl_monai.report.content.plain_words import count, group_named, label_of, listed, number
from htl_monai.report.known_tables import rows_in
from htl_monai.report.verdict import deciding_row, seeds_of

__all__ = ["say_next"]

_USEFUL_AUROC = 0.7
_SEEDS = 3


def say_next(found: Found, cases: Cases, primary: str) -> list[str]:
    """Say what the numbers give reason to do, the most pressing first; nothing where they give none."""
    return [
        *_finish(found),
        *_look_again(cases),
        *_collect(found, primary),
        *_trust(found, cases),
        *_more_seeds(found),
    ]


def _finish(found: Found) -> list[str]:
    n = len(found.unfinished)
    left = f"{count(n, 'stage')} of {len(found.note.stages)} to go"
    return [f"Finish the run, {left}: the command that began it goes on where it stopped."] if n else []


def _look_again(cases: Cases) -> list[str]:
    ids = both_hard_and_doubtful(cases)
    if not ids:
        return []
    return [
        f"Look again at the labels of {count(len(ids), 'case')} that {'is' if len(ids) == 1 else 'are'} both among the "
        f"hardest tenth and among the tenth whose labels the network finds least plausible: {listed(ids, 5)}."
    ]


def _collect(found: Found, primary: str) -> list[str]:
    hit = hit_groups(found.tables["groups"], primary) if "groups" in found.tables else None
    if hit is None or hit.empty:
        return []
    names = [group_named(row["column"], row["group"]) for row in rows_in(hit.head(3))]
    return [f"Collect, or label, more images like those that it fails for: {listed(names, last='or')}."]


def _trust(found: Found, cases: Cases) -> list[str]:
    """Say which ranking finds bad scores where there are no labels."""
    table = found.tables.get("rankings")
    if table is None or not {"auroc", "n_bad"} <= {*table}:
        return []
    free = free_of_labels(table)
    if free.empty:
        return []
    best = free.iloc[0]
    bad = share_in_words(int(best["n_bad"]), int(best["n"])) + f" that score below {found.below:g}"
    if best["auroc"] < _USEFUL_AUROC:
        return [
            f"Without labels no ranking finds the {bad} well: the best, {label_of(best['ranking'])}, has an AUROC of "
            f"{number(best['auroc'])} (0.5 is chance)."
        ]
    own = table.set_index("ranking")["auroc"].get(cases.ranking) if cases.ranking != best["ranking"] else None
    other = f"; {label_of(cases.ranking)} {number(own)}" if own is not None and own == own else ""
    name, auroc = label_of(best["ranking"]), f"{number(best['auroc'])}{other}"
    command = f"htl report {shlex.quote(str(found.folder))} --by {best['ranking']}"
    return [
        f"Where there are no labels, look for bad cases by {name}: its AUROC at finding the {bad} is {auroc}. To order "
        f"this page by it: {command}"
    ]


def _more_seeds(found: Found) -> list[str]:
    row = deciding_row(found.tables)
    if row is None:
        return []
    n, low, high = seeds_of(row), float(row["low"]), float(row["high"])
    if n > 1 and (low > 0 or high < 0):
        return []
    wanted = max(_SEEDS, 2 * n)
    return [f"Whether the training helped is open after {count(n, 'seed')}: train more (htl run … --seeds 0:{wanted})."]
