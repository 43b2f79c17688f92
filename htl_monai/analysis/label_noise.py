"""Sets beside each forgotten image how plausible its labels are: hard to learn, or wrongly labelled?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels
from htl_monai.ranking.label_quality import label_quality, self_confidence
from htl_monai.ranking.selection import top_share

# By (is forgotten, has implausible labels).
VERDICTS = {(True, False): "hard", (False, True): "likely noise", (True, True): "both", (False, False): "neither"}


def noise_table(
    ids: Sequence[str],
    labels: ArrayLike,
    probabilities: ArrayLike,
    forgetting: ArrayLike,
    classes: Sequence[str] | None = None,
    share: float = 0.05,
) -> pd.DataFrame:
    """Set label quality and forgetting of each image side by side, with a verdict from both.

    A network that is sure of the opposite of a label speaks for an error of the label; one that loses the image when it
    is pruned speaks for a hard image. The verdict orders images for a second look by a person. It proves nothing: a
    rare finding that the network never learned looks like an error, and an error that the network has learned by heart
    looks like a sound label. Predictions on images that the network was trained on are over-confident and hide errors,
    so use out-of-sample ones: the test split, or cross-validation.

    Args:
        ids: the ``N`` images.
        labels: ``(N, C)`` of 0 and 1; NaN = unknown.
        probabilities: of the dense network, ``(N, C)`` in [0, 1]; best the mean over seeds.
        forgetting: ``(N,)``; higher = more forgotten, such as 1 − Spearman of dense and pruned predictions. NaN = not
            measured.
        classes: names of the ``C`` classes; by default their numbers from 0.
        share: the share of images, in (0, 1], that counts as forgotten, and that counts as implausibly labelled; see
            :func:`~htl_monai.ranking.selection.top_share`.

    Returns:
        One row per image, in the order of ``ids``: ``id``; ``label_quality`` in [0, 1];
        ``worst_class``, whose label is least plausible; ``forgetting``; ``quality_rank`` (1 = least plausible);
        ``forgetting_rank`` (1 = most forgotten); and ``verdict``: ``hard`` (only forgotten), ``likely noise`` (only
        implausible), ``both`` or ``neither``. An image without any known label has no quality, and one where either
        score is missing has no verdict.

    Raises:
        ValueError: the shapes do not fit, a value is outside its range, an id is repeated, or ``share`` is not in (0,
            1].

    Example:
        >>> table = noise_table(["a", "b", "c"], [[1, 0], [0, 1], [1, 0]], [[0.9, 0.2], [0.7, 0.1], [0.6, 0.4]],
        ...                     [0.1, 0.2, 0.8], share=0.34)
        >>> table["verdict"].tolist(), table["worst_class"].tolist()
        (['neither', 'likely noise', 'hard'], ['1', '1', '0'])
    """
    given, predicted = _checked(labels, probabilities)
    lost = np.asarray(forgetting, dtype=np.float64)
    names = np.array([str(c) for c in (range(given.shape[1]) if classes is None else classes)], dtype=object)
    if not len(ids) == len(lost) == len(given) or lost.ndim != 1 or len(names) != given.shape[1]:
        raise ValueError(
            f"ids, forgetting and classes must fit labels of the shape {given.shape}, got {len(ids)} ids, forgetting "
            f"of the shape {lost.shape} and {len(names)} classes; pass scores of the same images and classes"
        )
    if len(set(ids)) < len(ids):
        raise ValueError(f"ids must be unique, got {len(ids) - len(set(ids))} repeated; give one row per image")
    table = pd.DataFrame({"id": list(ids), "label_quality": label_quality(given, predicted)})
    table["worst_class"] = _worst_class(given, predicted, names)
    table["forgetting"] = lost
    table["quality_rank"] = table["label_quality"].rank(method="first").astype("Int64")
    table["forgetting_rank"] = table["forgetting"].rank(method="first", ascending=False).astype("Int64")
    forgotten, implausible = top_share(table["forgetting"], share), top_share(-table["label_quality"], share)
    verdicts = [VERDICTS[bool(a), bool(b)] for a, b in zip(forgotten, implausible, strict=True)]
    table["verdict"] = pd.Series(verdicts, dtype=object)
    table.loc[table[["label_quality", "forgetting"]].isna().any(axis=1), "verdict"] = None
    return table


def _worst_class(
    labels: NDArray[np.float64], probabilities: NDArray[np.float64], names: NDArray[np.object_]
) -> NDArray[np.object_]:
    known = ~np.isnan(labels)
    confidence = np.where(known, self_confidence(labels, probabilities), np.inf)
    worst: NDArray[np.object_] = names[confidence.argmin(axis=1)]
    worst[~known.any(axis=1)] = None
    return worst


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    given, predicted = checked_labels(labels), np.asarray(probabilities, dtype=np.float64)
    if given.shape != predicted.shape:
        raise ValueError(
            f"probabilities must be (N, C) like labels, got {predicted.shape} and {given.shape}; pass those of the "
            "same images and classes"
        )
    if not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError(
            f"probabilities must be in [0, 1], got {predicted.min():g} to {predicted.max():g}; pass them after sigmoid"
        )
    return given, predicted
