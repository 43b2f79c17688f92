"""Label quality: how implausible the dense network finds the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from xarray import Dataset

from htl_monai.ranking.ranking import Ranking, Values, over_seeds
from htl_monai.scores import at_level


class LabelQuality(Ranking):
    """Rank by one minus cleanlab's label quality: hard because the label may be wrong.

    Of masks it is the softmin over the pixels, scored by the task; of classes that exclude each other the probability
    of the label; else see :func:`label_quality`. Predictions on samples that the network was trained on hide errors.
    """

    name = "label_quality"
    meaning = "How implausible the dense network finds the label, by cleanlab."
    needs = "It needs labels, and the dense network's probabilities."
    needs_labels = True

    def missing(self, scores: Dataset) -> str | None:
        """As every ranking; classes need their labels and probabilities, masks their quality."""
        if "label_quality" in scores or {"label", "probability"} <= {*scores.data_vars}:
            return None
        return f"{self.needs} There are neither label and probability nor label_quality among the scores."

    def values(self, scores: Dataset) -> Values:
        """Return one minus the quality, in [0, 1]."""
        if "label_quality" in scores:
            return 1 - self.score(scores, "label_quality")
        dense, labels = at_level(scores, 0.0)["probability"].astype(np.float64), scores["label"]
        given, predicted = over_seeds(labels).values, np.clip(over_seeds(dense).values, 0, 1)
        if "multiclass" in scores.attrs.get("task", "").lower():
            return 1 - np.where(np.isnan(given).any(axis=1), np.nan, (given * predicted).sum(axis=1))
        return 1 - label_quality(given, predicted)


def label_quality(labels: ArrayLike, probabilities: ArrayLike) -> Values:
    """Return how plausible the labels of each image are, by cleanlab's multi-label score.

    Each known label gets the probability that the network gives it; an exponential moving average (alpha 0.8) over the
    classes, from the most to the least plausible, makes one number of them, so that the worst label weighs most.

    Args:
        labels: ``(N, C)`` of 0 and 1; NaN = unknown, and plays no part.
        probabilities: ``(N, C)`` in [0, 1].

    Returns:
        ``(N,)`` in [0, 1]; lower = more likely an error. NaN where no label of the image is known.

    Example:
        >>> label_quality([[0, 1], [1, np.nan]], [[0.1, 0.4], [0.7, 0.5]]).round(2).tolist()
        [0.5, 0.7]
    """
    from cleanlab.multilabel_classification import get_label_quality_scores  # takes seconds to import

    # cleanlab refuses a single class, so that one more is added, unknown; and labels that are all alike, so that two
    # images more are added, and dropped again.
    given, predicted = (
        np.pad(np.asarray(values, dtype=np.float64), ((0, 0), (0, 1)), constant_values=np.nan)
        for values in (labels, probabilities)
    )
    known = ~np.isnan(given)
    # The average starts at the most plausible label and stays there as long as others equal it: such labels, put in
    # the place of the unknown ones, do not change it.
    confidence = self_confidence(given, predicted)
    best = np.max(confidence, axis=1, initial=0, where=known, keepdims=True)
    predicted = np.vstack([np.where(known, predicted, best), np.full((2, given.shape[1]), 0.5)])
    positives = [np.flatnonzero(row).tolist() for row in np.where(known, given, 1)]
    positives += [[], list(range(given.shape[1]))]
    quality = np.asarray(get_label_quality_scores(positives, predicted), dtype=np.float64)[:-2]
    return np.where(known.any(axis=1), quality, np.nan)


def self_confidence(labels: Values, probabilities: Values) -> Values:
    """Return the probability of each given label; that of an unknown one means nothing."""
    return np.where(labels == 1, probabilities, 1 - probabilities)
