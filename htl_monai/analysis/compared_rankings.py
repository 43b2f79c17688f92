"""Sets rankings side by side: how alike they are, and how well each points at what the model gets wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from xarray import Dataset

from htl_monai.analysis.detection import detection_by_rankings, yes_or_no
from htl_monai.ranking.rank_all import rankings_at
from htl_monai.ranking.ranking import over_seeds
from htl_monai.scores import at_level, of_samples


def compare_rankings(rankings: pd.DataFrame, score: ArrayLike | None = None, below: float = 0.65) -> pd.DataFrame:
    """Return one row a ranking: its rank correlation with the others, with the error, and how it finds bad scores.

    Args:
        rankings: ``(N, R)``, one column a ranking; higher = harder, infinite = hardest, NaN = not measured.
        score: ``(N,)`` in [0, 1], higher = better; NaN = unknown. None, or nothing but NaN, where there are no labels.
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
    values = np.asarray([] if score is None else score, dtype=np.float64)
    if not np.isnan(values).all():
        bad = np.where(np.isnan(values), np.nan, values < below)
        found = detection_by_rankings(rankings, bad, error=1 - values)
        table["spearman_error"] = found["spearman"]
        table["n_bad"] = found["n_planted"]
        table[["auroc", "average_precision"]] = found[["auroc", "average_precision"]]
    # Ranks first: pandas would drop what is infinite. A constant one has no correlation.
    alike = rankings.rank().corr(method="spearman")
    return table.join(alike.reset_index(drop=True).add_prefix("spearman_"))


def rankings_of_scores(scores: Dataset, level: float) -> pd.DataFrame:
    """Set every ranking that can be made of some scores beside the others.

    Args:
        scores: of one seed or several; with the column ``hard`` where it is known which samples are.
        level: of compression, for the rankings that compare with a pruned network.

    Returns:
        One row a ranking: ``ranking``, ``meaning``, ``n_never_learned``, where it is known what is hard
        ``auroc_planted`` and ``precision_at_planted``, and the fields of :func:`compare_rankings`.
    """
    made = rankings_at(scores, level)
    values = pd.DataFrame({name: ranking(scores) for name, ranking in made.items()})
    dense = over_seeds(of_samples(at_level(scores, 0.0)))
    table = compare_rankings(values, None if "agreement" in scores.attrs["primary"] else dense.values)
    table.insert(1, "meaning", [ranking.meaning for ranking in made.values()])
    table.insert(2, "n_never_learned", np.isposinf(values).sum().to_numpy())
    if "hard" in scores.coords:
        found = detection_by_rankings(values, yes_or_no(pd.Series(scores["hard"].values, name="hard")))
        table.insert(3, "auroc_planted", found["auroc"])
        table.insert(4, "precision_at_planted", found["precision_at_k"])
    return table
