"""Compares what was done with the forgotten images, class by class: left alone, up-weighted, removed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.average_precision import weighted_average_precision
from htl_monai.analysis.multi_label_checks import checked_labels
from htl_monai.statistics.bootstrap_interval import FEWEST_APART, TOO_FEW
from htl_monai.statistics.holm import holm
from htl_monai.statistics.rounding import resolution
from htl_monai.statistics.subjects import subject_numbers
from htl_monai.statistics.two_spreads import TwoSpreads

MEAN = "mean"

_COLUMNS = (
    *("arm", "reference", "class", "n_positive", "n_seeds", "ap_reference", "ap"),
    *("difference", "low", "high", "p_value", "p_holm", "difference_sd", "note"),
)


def compare_arms(
    labels: ArrayLike,
    arms: Mapping[str, ArrayLike],
    reference: str = "left_alone",
    classes: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
    subjects: Iterable[Hashable] | None = None,
) -> pd.DataFrame:
    """Compare the average precision (AP) of each arm with a reference arm, class by class and in the mean.

    If images removed from the training help, they were noise more than lesson; if their extra weight helps, they were
    hard. Compare removal with ``removed_random`` too: fewer images alone also make a difference.

    The interval and the p-value hold over seeds and images. The images are resampled, all of a subject together and the
    same ones for all arms, seeds and classes, so that only differences between arms remain: that gives the variance by
    the choice of images. The variance by the choice of seeds is that of their differences. What is both is in both,
    which errs on the safe side.

    Args:
        labels: of the test images, ``(N, C)`` of 0 and 1; NaN = unknown, and left out of that class.
        arms: probabilities ``(R, N, C)`` of the same ``R`` seeds in the same order, by the name of the arm.
        reference: the arm that the others are compared with.
        classes: names of the ``C`` classes; by default their numbers from 0.
        subjects: ``(N,)``, whom each image shows; None (for all or for one) = every image is a subject of its own.

    Returns:
        One row per arm other than the reference and class, with the row ``mean`` last, over the classes that have a
        positive image: ``arm``, ``reference``, ``class``, ``n_positive`` (of all classes in the row ``mean``),
        ``n_seeds``, ``ap_reference`` and ``ap`` (means over seeds), ``difference`` (positive = better than the
        reference), ``low``, ``high``, ``p_value``, ``p_holm`` (corrected over the arms in the rows ``mean``, over arms
        and classes in the others), ``difference_sd``, the standard deviation over seeds, and ``note``. A class without
        a positive image has NaN. There is no interval, and the note says why, with one seed and where the positive
        images are of fewer than ten subjects.

    Raises:
        KeyError: the reference is not among the arms.
        ValueError: the shapes do not fit, a probability is NaN, or an option is out of range.

    Example:
        >>> labels = [[1], [0], [1], [0]]
        >>> good, poor = [[[0.9], [0.2], [0.8], [0.1]]], [[[0.9], [0.95], [0.8], [0.1]]]
        >>> row = compare_arms(labels, {"left_alone": poor, "removed": good}, classes=["Hernia"]).iloc[0]
        >>> row["class"], *row[["ap_reference", "ap", "difference"]].astype(float).round(4).tolist()
        ('Hernia', 0.5833, 1.0, 0.4167)
    """
    if reference not in arms:
        raise KeyError(f"reference must be one of {', '.join(arms)}, got {reference!r}; name an arm that is given")
    if n_resamples < 2:
        raise ValueError(f"n_resamples must be at least 2, got {n_resamples}; 1000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    truth = checked_labels(labels, classes)
    predicted = {name: np.asarray(values) for name, values in arms.items()}
    _check(truth, predicted, reference)
    names = [str(name) for name in (range(truth.shape[1]) if classes is None else classes)]
    numbers = subject_numbers(subjects, len(truth))
    found = {
        name: _precisions(truth, values, _weights(numbers, n_resamples, seed)) for name, values in predicted.items()
    }
    positives = [int(count) for count in (truth == 1).sum(axis=0)]
    positives_of = [len(np.unique(numbers[column == 1])) for column in truth.T]
    positives_of.append(len(np.unique(numbers[(truth == 1).any(axis=1)])))
    rows = []
    for name in found:
        if name == reference:
            continue
        for c, (label, n_positive) in enumerate(zip([*names, MEAN], [*positives, sum(positives)], strict=True)):
            moved = found[name][1][c] - found[reference][1][c]
            rows.append(
                {"arm": name, "reference": reference, "class": label, "n_positive": n_positive}
                | _summary(found[reference][0][:, c], found[name][0][:, c], moved, positives_of[c], confidence)
            )
    table = pd.DataFrame(rows, columns=_COLUMNS)
    for family in (table["class"] == MEAN, table["class"] != MEAN):
        table.loc[family, "p_holm"] = holm(table.loc[family, "p_value"])
    return table


def _weights(subjects: NDArray[np.intp], n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Return how often each image is drawn in each resample, ``(N, B)``; first, as it is, once."""
    rng = np.random.default_rng(seed)
    n_subjects = int(subjects.max(initial=-1)) + 1
    weights = np.ones((len(subjects), n_resamples + 1), dtype=np.float32)
    for column in range(1, n_resamples + 1):
        drawn = np.bincount(rng.integers(0, n_subjects, n_subjects), minlength=n_subjects)
        weights[:, column] = drawn[subjects]
    return weights


def _precisions(
    truth: NDArray[np.float64], predicted: NDArray[np.floating], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AP ``(R, C + 1)`` of the images as they are, and its mean over seeds ``(C + 1, B)`` of each resample.

    The last class is the mean of those that have a positive image in the resample.
    """
    n_seeds, n_classes = len(predicted), truth.shape[1]
    observed = np.full((n_seeds, n_classes + 1), np.nan)
    resampled = np.full((n_classes + 1, weights.shape[1] - 1), np.nan)
    for c in range(n_classes):
        known = ~np.isnan(truth[:, c])
        mine = weights if known.all() else weights[known]
        found = np.stack([weighted_average_precision(truth[known, c], one[known, c], mine) for one in predicted])
        observed[:, c], resampled[c] = found[:, 0], found[:, 1:].mean(axis=0)
    observed[:, -1] = _mean_of_known(observed[:, :-1].T)
    resampled[-1] = _mean_of_known(resampled[:-1])
    return observed, resampled


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(values.shape[1], np.nan), where=counts > 0)


def _summary(
    base: NDArray[np.float64],
    other: NDArray[np.float64],
    moved: NDArray[np.float64],
    n_subjects: int,
    confidence: float,
) -> dict[str, float | str]:
    """Return the numbers of a row from the AP of each seed, and the difference ``(B,)`` in each resample."""
    differences, n_seeds = other - base, len(base)
    difference, low, high, p_value, note = float(differences.mean()), np.nan, np.nan, np.nan, ""
    sd = float(differences.std(ddof=1)) if n_seeds > 1 else np.nan
    if n_seeds < 2:
        note = "one seed only"
    elif n_subjects < FEWEST_APART:
        note = TOO_FEW
    else:
        spread = TwoSpreads(sd**2 / n_seeds, float(np.nanvar(moved, ddof=1)), n_seeds, n_subjects)
        if spread.error > resolution(base, other):
            half = spread.half_width(confidence)
            low, high, p_value = difference - half, difference + half, spread.p_value(difference)
        elif abs(difference) <= resolution(base, other):
            low, high, p_value = difference, difference, 1.0
    return {
        "n_seeds": n_seeds,
        "ap_reference": float(base.mean()),
        "ap": float(other.mean()),
        "difference": difference,
        "low": low,
        "high": high,
        "p_value": p_value,
        "difference_sd": sd,
        "note": note,
    }


def _check(truth: NDArray[np.float64], arms: Mapping[str, NDArray[np.floating]], reference: str) -> None:
    n_seeds = len(arms[reference]) if arms[reference].ndim else 0
    for name, values in arms.items():
        wanted = (n_seeds, *truth.shape)
        if values.shape != wanted or n_seeds == 0:
            raise ValueError(
                f"arms must all be (seeds, images, classes) = {wanted} with at least one seed, got {values.shape} for "
                f"{name}; evaluate each arm with the same seeds on the same images"
            )
        if np.isnan(values).any():
            raise ValueError(f"arms must hold no NaN, got some for {name}; check the weights of its networks")
