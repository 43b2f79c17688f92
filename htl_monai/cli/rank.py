"""Rank samples by their scores."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path


def rank(
    scores: str = "", list: bool = False, by: str | None = None, stage: str = "mining", out: str | None = None
) -> None:
    """Rank the samples of a run, hardest first, by every ranking that can be made of their scores.

    Args:
        scores: the folder of a run, or a file of scores; without it, --list shows all rankings.
        list: show what each ranking means and needs, and why one cannot be made, and rank nothing.
        by: the ranking that orders the samples, such as relative_forgetting; by default the first that
            can be made of rank correlation, relative forgetting, change of box and change of mask.
        stage: the stage of the run whose scores count.
        out: the table that is written; ranked.csv beside the scores by default.

    Examples:
        htl rank runs/lesions
        htl rank runs/lesions --by mask_change --out hardest.csv
        htl rank --list
    """
    from htl_monai.data.files import write_csv
    from htl_monai.ranking.rank_all import rank_all, why_not
    from htl_monai.report.console import print_written
    from htl_monai.report.printed_table import print_table
    from htl_monai.report.ranked_run import scores_of

    if not scores and not list:
        raise ValueError("scores must be the folder of a run or a file of scores, got none; htl rank --list needs none")
    found = scores_of(scores, stage) if scores else None
    if list or found is None:
        _print_list({} if found is None else why_not(found))
        return
    table = rank_all(found, by)
    first = table["ranked_by"].iloc[0]
    # Not ranking.csv, which the stage mining has written and answers for.
    folder = next(folder for folder in (Path(scores) / stage, Path(scores), Path(scores).parent) if folder.is_dir())
    path = write_csv(Path(out) if out is not None else folder / "ranked.csv", table)
    shown = table.head(10).drop(columns=["ranked_by", "image", "mask"], errors="ignore")
    print_table(f"The hardest of {len(table)} samples, by {first}", shown)
    print_written(path.resolve())


def _print_list(reasons: Mapping[str, str]) -> None:
    """Print what each ranking means and needs, and what lacks, where there are reasons."""
    from htl_monai.ranking.registry import rankings
    from htl_monai.report.console import say

    for name, kind in rankings().items():
        text = f"{kind.meaning} {reasons.get(name, kind.needs)}"
        say(textwrap.fill(text, 79, initial_indent=f"{name:<21}", subsequent_indent=" " * 21))
