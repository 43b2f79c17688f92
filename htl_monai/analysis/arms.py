"""Compares what was done with the forgotten images, class by class: left alone, up-weighted, removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.analysis.multi_label_checks import checked_labels
from htl_monai.analysis.weighted_precision import weighted_average_precision

__all__ = ["MEAN", "compare_arms"]

MEAN = "mean"


def compare_arms(
    labels: ArrayLike,
    arms: Mapping[str, ArrayLike],
    reference: str = "left_alone",
    classes: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare the average precision (AP) of each arm with a reference arm, class by class and in the mean.

    If images removed from the training help, they were noise more than lesson; if their extra weight helps, they were
    hard. Compare removal with ``removed_random`` too: fewer images alone also make a difference.

    The images are resampled, the same ones for all arms, seeds and classes, so that only differences between arms
    remain. The interval says how far other test images would move the difference; how far other seeds would move it is
    ``difference_sd``.

    Args:
        labels: of the test images, ``(N, C)`` of 0 and 1; NaN = unknown, and left out of that class.
        arms: probabilities ``(R, N, C)`` of the same ``R`` seeds in the same order, by the name of the arm.
        reference: the arm that the others are compared with.
        classes: names of the ``C`` classes; by default their numbers from 0.
        n_resamples: bootstrap samples.
        seed: of the resampling.
        confidence: level of the percentile interval, in (0, 1).

    Returns:
        One row an arm other than the reference and class, with the row ``mean`` last, over the classes that have a
        positive image: ``arm``, ``reference``, ``class``, ``n_positive`` (of all classes in the row ``mean``),
        ``n_seeds``, ``ap_reference`` and ``ap`` (means over seeds), ``difference`` (positive = better than the
        reference), ``low``, ``high``, and ``difference_sd``, the standard deviation over seeds (NaN for one seed). A
        class without a positive image has NaN; in the interval of a rare class, resamples without its positive images
        do not count.

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
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}; 1000 is usual")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    truth = checked_labels(labels, classes)
    predicted = {name: np.asarray(values) for name, values in arms.items()}
    _check(truth, predicted, reference)
    names = [str(name) for name in (range(truth.shape[1]) if classes is None else classes)]
    weights = _weights(len(truth), n_resamples, seed)
    found = {name: _precisions(truth, values, weights) for name, values in predicted.items()}
    positives = [int(count) for count in (truth == 1).sum(axis=0)]
    shares = [(1 - confidence) / 2, (1 + confidence) / 2]
    rows = []
    for name in found:
        if name == reference:
            continue
        for c, (label, n_positive) in enumerate(zip([*names, MEAN], [*positives, sum(positives)], strict=True)):
            low_high = _quantiles(found[name][1][c] - found[reference][1][c], shares)
            rows.append(
                {"arm": name, "reference": reference, "class": label, "n_positive": n_positive}
                | _summary(found[reference][0][:, c], found[name][0][:, c])
                | dict(zip(("low", "high"), low_high, strict=True))
            )
    columns = ["arm", "reference", "class", "n_positive", "n_seeds", "ap_reference", "ap", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "difference_sd"])


def _weights(n_images: int, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Return how often each image is drawn in each resample, ``(N, B)``; first, as it is, once."""
    rng = np.random.default_rng(seed)
    weights = np.ones((n_images, n_resamples + 1), dtype=np.float32)
    for column in range(1, n_resamples + 1):
        weights[:, column] = np.bincount(rng.integers(0, n_images, n_images), minlength=n_images)
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


def _summary(base: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float]:
    differences = other - base
    return {
        "n_seeds": len(base),
        "ap_reference": float(base.mean()),
        "ap": float(other.mean()),
        "difference": float(differences.mean()),
        "difference_sd": float(differences.std(ddof=1)) if len(base) > 1 else np.nan,
    }


def _quantiles(values: NDArray[np.float64], shares: Sequence[float]) -> list[float]:
    known = values[~np.isnan(values)]
    return [float(value) for value in np.quantile(known, shares)] if len(known) else [np.nan, np.nan]


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
