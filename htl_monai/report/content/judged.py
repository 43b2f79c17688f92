"""What each ranking is good for, and which hard cases look mislabelled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from htl_monai.ranking.registry import rankings
from htl_monai.ranking.selection import top_share
from htl_monai.report.content.cases import Cases
from htl_monai.report.content.plain_words import count, label_of, percent
from htl_monai.report.known_tables import rows_in

__all__ = ["DOUBT", "both_hard_and_doubtful", "free_of_labels", "quadrants_of", "rankings_of", "share_in_words"]

DOUBT = "label_quality"
"""The ranking that says how implausible labels are."""
_SHARE = 0.1


def rankings_of(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the rows of the table ``rankings``, with what each means and how like the others it is."""
    if table is None:
        return []
    known, names = rankings(), table["ranking"].astype(str)
    rows = []
    for row in rows_in(table):
        name = str(row["ranking"])
        like = {other: row.get(f"spearman_{other}") for other in names if other != name}
        kept = {key: row.get(key) for key in ("n", "spearman_error", "auroc", "average_precision")}
        meaning = known[name].meaning if name in known else ""
        rows.append({"ranking": name, "label": label_of(name), "meaning": meaning, **kept, "like": like})
    return rows


def quadrants_of(cases: Cases) -> dict[str, Any]:
    """Return what sets hardness against the doubt about the label; nothing where one of both is missing."""
    cuts = _cuts(cases)
    if not cuts:
        return {}
    share = percent(_SHARE)
    return {
        "x": cases.ranking,
        "y": DOUBT,
        "x_cut": cuts[cases.ranking],
        "y_cut": cuts[DOUBT],
        "says": {
            "hard": f"Hard: among the hardest {share}, and the label is plausible. Train on these.",
            "mislabelled": f"Label in doubt: among the {share} least plausible labels. Look at these again.",
            "both": "Both: hard, and the label is in doubt. Look at these first.",
        },
    }


def both_hard_and_doubtful(cases: Cases) -> list[str]:
    """Return the ids of the cases that are among the hardest tenth and have one of the least plausible labels."""
    cuts = _cuts(cases)
    if not cuts:
        return []
    table = cases.table
    both = np.logical_and.reduce([top_share(_numbers(table[name]), _SHARE) for name in cuts])
    return [str(id_) for id_ in table["id"][both]]


def _cuts(cases: Cases) -> dict[str, float]:
    """Return from where on a case is among the hardest tenth, and among the tenth of the least plausible labels."""
    table, cuts = cases.table, {}
    for name in (cases.ranking, DOUBT):
        values = _numbers(table[name]) if name in table and name else np.array([])
        top = values[top_share(values, _SHARE)] if len(values) else values
        finite = top[np.isfinite(top)]
        if not len(finite) or np.nanmin(values) == finite.min():
            return {}
        cuts[name] = float(finite.min())
    return cuts if cases.ranking != DOUBT else {}


def _numbers(values: pd.Series) -> np.ndarray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def free_of_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the table ``rankings`` whose ranking needs no label, the best at finding bad scores first."""
    known = rankings()
    free = table[[name in known and not known[name].needs_labels and name != "random" for name in table["ranking"]]]
    return free.dropna(subset=["auroc"]).sort_values("auroc", ascending=False, kind="stable")


def share_in_words(n_bad: int, n: int) -> str:
    """Return how many of all cases score badly.

    Example:
        >>> share_in_words(141, 600)
        '141 of 600 images (24 %)'
    """
    return f"{n_bad:,} of {count(n, 'image')} ({percent(n_bad / n)})"
