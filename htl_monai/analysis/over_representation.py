"""Which classes, and which numbers of findings, are more common among PIEs than among the other images."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels
from htl_monai.statistics.holm import holm
from htl_monai.statistics.ratio_interval import ratio_interval
from htl_monai.statistics.share_interval import effective_number
from htl_monai.statistics.subjects import subject_numbers

_MANY = 4


def over_representation(
    labels: ArrayLike,
    is_pie: ArrayLike,
    classes: Sequence[str],
    no_finding: str = "No Finding",
    confidence: float = 0.95,
    subjects: Iterable[Hashable] | None = None,
    never_learned: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare the frequency of every group of images among PIEs with that among the rest (PruneCXR).

    The intervals are those of the ratio of two shares (score intervals), which hold for few images, too; several images
    of one subject count for as many as they are worth. The choice of PIEs is taken as given.

    Args:
        labels: ``(N, C)`` of 0, 1 and NaN. An image counts for a class if that label is known, and for the number of
            findings if all of them are.
        is_pie: ``(N,)`` of bool.
        classes: the ``C`` names.
        no_finding: the class that is not a finding; if there is none of that name, all are.
        subjects: ``(N,)``, whom each image shows; None (for all or for one) = every image is a subject of its own.
        never_learned: ``(N,)`` of bool, images that could not be ranked because no network learned them; None for none.

    Returns:
        One row per group, the classes first, then ``0 findings``, ``1 finding``, ``2 findings``, ``3 findings`` and
        ``4+ findings``: ``group``, ``n_known`` (images that count), ``n`` (those in the group), ``n_pie`` (those that
        are PIEs), ``n_never_learned`` (those that were never learned), ``share_pie`` and ``share_rest`` (fraction of
        PIEs and of the others in the group), ``ratio`` of the two, ``low`` and ``high``, ``p_value`` (Fisher's exact
        test of a ratio of 1) and ``p_holm``, corrected over the groups. The ratio is above 1 for a group that is
        over-represented, 0 where none and infinite where all of the group are PIEs. Ratio, interval and test are NaN
        where the group never occurs or all or none of the images are PIEs.

    Raises:
        ValueError: the shapes do not fit, or an option is out of range.

    Example:
        >>> table = over_representation([[1], [1], [0], [1], [0], [0]], [1, 1, 1, 0, 0, 0], ["Hernia"])
        >>> table.loc[0, ["n", "n_pie", "share_pie", "share_rest", "ratio"]].astype(float).round(3).tolist()
        [3.0, 2.0, 0.667, 0.333, 2.0]
    """
    truth = checked_labels(labels, classes)
    pie = np.asarray(is_pie).astype(bool)
    if pie.shape != (len(truth),):
        raise ValueError(f"is_pie must be (N,) for {len(truth)} images, got {pie.shape}; pass one entry per image")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    numbers = subject_numbers(subjects, len(truth))
    groups = _groups(truth, classes, no_finding)
    table = pd.DataFrame([_row(name, members, pie, numbers, confidence) for name, members in groups.items()])
    unlearned = np.zeros(len(truth), dtype=bool) if never_learned is None else np.asarray(never_learned, dtype=bool)
    counts = [int((unlearned & (members == 1)).sum()) for members in groups.values()]
    table.insert(list(table.columns).index("n_pie") + 1, "n_never_learned", counts)
    return table.assign(p_holm=holm(table["p_value"]))


def _row(
    name: str,
    members: NDArray[np.float64],
    pie: NDArray[np.bool_],
    subjects: NDArray[np.intp],
    confidence: float,
) -> dict[str, str | int | float]:
    known = ~np.isnan(members)
    parts = [known & pie, known & ~pie]
    share_pie, share_rest = (members[part].mean() if part.any() else np.nan for part in parts)
    worth = [effective_number(members[part], subjects[part]) if part.any() else 0.0 for part in parts]
    low, high, p_value = ratio_interval(
        np.nan_to_num(share_pie) * worth[0], worth[0], np.nan_to_num(share_rest) * worth[1], worth[1], confidence
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.divide(share_pie, share_rest))
    return {
        "group": name,
        "n_known": int(known.sum()),
        "n": int((members == 1).sum()),
        "n_pie": int((members[pie] == 1).sum()),
        "share_pie": float(share_pie),
        "share_rest": float(share_rest),
        "ratio": ratio,
        "low": low,
        "high": high,
        "p_value": p_value,
    }


def _groups(labels: NDArray[np.float64], classes: Sequence[str], no_finding: str) -> dict[str, NDArray[np.float64]]:
    """Return for each group ``(N,)``: 1 = in it, 0 = not, NaN = unknown."""
    groups = dict(zip(classes, labels.T, strict=True))
    findings = labels[:, [name != no_finding for name in classes]].sum(axis=1)
    unknown = np.where(np.isnan(findings), np.nan, 0.0)
    for count in range(_MANY):
        groups[f"{count} finding{'' if count == 1 else 's'}"] = (findings == count) + unknown
    groups[f"{_MANY}+ findings"] = (findings >= _MANY) + unknown
    return groups
