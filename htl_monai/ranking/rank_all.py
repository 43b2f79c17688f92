"""Ranks samples by every ranking that can be made of their scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.ranking.hardness import hardness_rank
from htl_monai.ranking.ranking import OfPruned, Ranking
from htl_monai.ranking.registry import ranking_named, rankings
from htl_monai.scores import has_labels, metadata_of

# Which of those that can be made leads, if none is named.
_FIRST = ("pie_spearman", "relative_forgetting", "box_change", "mask_change")


def rank_all(
    scores: Dataset, by: str | Ranking | None = None, which: Sequence[str | Ranking] | None = None
) -> pd.DataFrame:
    """Return one row a sample, hardest first, with every ranking that can be made.

    Args:
        scores: of the samples, see :mod:`htl_monai.scores`.
        by: which ranking orders the rows; None takes the first that can be made of rank correlation, relative
            forgetting, change of box and of mask, else any.
        which: the rankings, by name or with options; None takes all that need no option.

    Returns:
        ``id``; ``rank`` (1 = hardest, missing where there is nothing to measure; those come last); ``ranked_by``, the
        ranking of that order; where there are labels the dense network's primary score; a column for each ranking
        (higher = harder, infinite = never learned), that of the order first; the samples' metadata and paths.

    Raises:
        KeyError: a name is none of a ranking.
        ValueError: the scores lack what ``by`` or one of ``which`` needs, or do not make a single ranking.
    """
    named = [ranking_named(ranking) for ranking in (rankings() if which is None else which)]
    made = {ranking.name: ranking for ranking in named if which is not None or ranking.missing(scores) is None}
    if by is not None:
        made[ranking_named(by).name] = ranking_named(by)
    if not made:
        raise ValueError("scores must make a ranking, got none that can be made; see why_not for the reasons")
    first = next((name for name in _FIRST if name in made), next(iter(made))) if by is None else ranking_named(by).name
    columns = {name: made[name](scores) for name in dict.fromkeys((first, *made))}
    metadata = metadata_of(scores, files=True)
    ranks = {"id": metadata["id"], "rank": hardness_rank(columns[first]), "ranked_by": first}
    table = pd.DataFrame(ranks | _dense(scores, made[first]) | columns)
    table = table.join(metadata[[name for name in metadata if name not in table]])
    return table.sort_values("rank", kind="stable", ignore_index=True)


def rankings_at(scores: Dataset, level: float | None = None) -> dict[str, Ranking]:
    """Return the rankings that can be made of these scores, by name; those of pruned networks at ``level``."""
    kinds = {name: {"level": level} if issubclass(kind, OfPruned) else {} for name, kind in rankings().items()}
    made = {name: rankings()[name](**options) for name, options in kinds.items()}
    return {name: ranking for name, ranking in made.items() if ranking.missing(scores) is None}


def why_not(scores: Dataset) -> dict[str, str]:
    """Return why each of the other rankings cannot be made of these scores, a sentence by name."""
    reasons = {name: kind().missing(scores) for name, kind in rankings().items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _dense(scores: Dataset, ranking: Ranking) -> dict[str, NDArray[np.float64]]:
    """Return the dense network's primary score by its name; nothing where there is none against labels."""
    name = scores.attrs["primary"]
    is_score = has_labels(scores) and name in scores and "epoch" not in scores[name].dims
    return {name: ranking.score(scores, name)} if is_score else {}
