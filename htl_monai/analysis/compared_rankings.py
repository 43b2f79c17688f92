"""Sets rankings side by side: how alike they are, and how well each points at what the model gets wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from htl_monai.analysis.detection import detection_by_rankings

__all__ = ["compare_rankings"]


def compare_rankings(rankings: pd.DataFrame, score: ArrayLike | None = None, below: float = 0.65) -> pd.DataFrame:
    """Return one row a ranking: its rank correlation with the others, with the error, and how it finds bad scores.

    Args:
        rankings: ``(N, R)``, one column a ranking; higher = harder, infinite = hardest, NaN = not measured.
        score: ``(N,)`` in [0, 1], higher = better; NaN = unknown. None where there are no labels.
        below: a score under this counts as bad.

    Returns:
        ``ranking``, ``n`` (measured); with scores ``spearman_error`` (with 1 - score), ``n_bad``, ``auroc`` and
        ``average_precision`` of finding the bad ones; ``spearman_<other>``. NaN where one of two is constant.

    Example:
        >>> rankings = pd.DataFrame({"loss": [0.9, 0.8, 0.1], "random": [0.2, 0.1, 0.3]})
        >>> compare_rankings(rankings, [0.1, 0.2, 0.9])[["ranking", "auroc", "spearman_loss"]].values.tolist()
        [['loss', 1.0, 1.0], ['random', 0.0, -0.5]]
    """
    table = pd.DataFrame({"ranking": list(rankings), "n": rankings.notna().sum().to_numpy()})
    if score is not None:
        values = np.asarray(score, dtype=np.float64)
        bad = np.where(np.isnan(values), np.nan, values < below)
        found = detection_by_rankings(rankings, bad, error=1 - values)
        table["spearman_error"] = found["spearman"]
        table["n_bad"] = found["n_planted"]
        table[["auroc", "average_precision"]] = found[["auroc", "average_precision"]]
    # Ranks first: pandas would drop what is infinite. A constant one has no correlation.
    alike = rankings.rank().corr(method="spearman")
    return table.join(alike.reset_index(drop=True).add_prefix("spearman_"))
