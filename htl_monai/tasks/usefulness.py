"""Tells a network that learned nothing by its scores: it does no better than an answer that looks at no image.

What pruning makes such a network forget says nothing, and no other table shows it at a glance. The functions that judge
return the reason as the end of a sentence that begins with the network, or None where there is nothing to object to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from htl_monai.localization.boxes import Box

__all__ = [
    "ADVICE",
    "WHOLE_IMAGE",
    "mean_random_order_ap",
    "one_of",
    "random_order_ap",
    "useless_boxes",
    "useless_masks",
    "useless_metric",
]

ADVICE = "its forgetting and its comparisons mean little: train longer, or check data and labels"
WHOLE_IMAGE = "whole_image_iou"
"""The column with the foreground IoU of a mask of the whole image: the share of the image that is lesion."""

# An image's IoU is a fraction of whole pixels, a mean metric is a float32.
_ROUNDING = 1e-6


def one_of(num_classes: int) -> float:
    """Return the balanced accuracy of one class for all images.

    Example:
        >>> one_of(4)
        0.25
    """
    return 1 / num_classes


def useless_masks(scores: Mapping[str, ArrayLike] | pd.DataFrame, suffix: str = "") -> str | None:
    """Judge masks by the scores of their images.

    Args:
        scores: ``foreground_iou`` and ``background_iou`` of ``(N,)``, and where it is known :data:`WHOLE_IMAGE`; or a
            table with these columns.
        suffix: stands behind the names of the two IoUs, such as ``_dense``.

    Returns:
        The reason, or None. No image with a measured foreground: None.

    Example:
        >>> useless_masks({"foreground_iou": [0.2, 0.1], "background_iou": [0.0, 0.0]})
        'calls every pixel of all 2 images foreground (background IoU 0)'
        >>> useless_masks({"foreground_iou": [0.6, 0.5], "background_iou": [0.9, 0.9], "whole_image_iou": [0.1, 0.2]})
    """
    foreground, background = (_numbers(scores[f"{name}_iou{suffix}"]) for name in ("foreground", "background"))
    measured = ~np.isnan(foreground)
    n = int(measured.sum())
    if not n:
        return None
    if not foreground[measured].any():
        return f"finds nothing of the foreground in any of {n} images (foreground IoU 0)"
    if not np.nan_to_num(background).any():
        return f"calls every pixel of all {n} images foreground (background IoU 0)"
    if WHOLE_IMAGE in scores:
        whole = _numbers(scores[WHOLE_IMAGE])[measured]
        return useless_metric(
            "mean foreground IoU", foreground[measured].mean(), whole.mean(), "a mask of the whole image"
        )
    return None


def useless_boxes(scores: Mapping[str, ArrayLike]) -> str | None:
    """Judge boxes, of which there is no truth, by where they lie.

    Args:
        scores: the edges of the boxes as fractions of the image, ``(N,)`` each, NaN without a box.

    Example:
        >>> useless_boxes(dict.fromkeys(("x_min", "y_min", "x_max", "y_max"), [float("nan")] * 3))
        'outlines nothing in any of 3 images'
    """
    edges = np.array([_numbers(scores[name]) for name in Box._fields])
    n = edges.shape[1]
    if n and np.isnan(edges).all():
        return f"outlines nothing in any of {n} images"
    whole = np.array([[0.0 if name.endswith("min") else 1.0] for name in Box._fields])
    if n and (edges == whole).all():
        return f"outlines the whole picture in all {n} images"
    return None


def useless_metric(name: str, value: float, chance: float, of: str) -> str | None:
    """Judge a mean metric, higher = better, by what an answer without any image reaches.

    Args:
        name: of the metric, for the sentence.
        value: the network's; NaN = nothing to measure.
        chance: the other answer's.
        of: the other answer, for the sentence.

    Example:
        >>> useless_metric("balanced accuracy", 0.33, 1 / 3, "one diagnosis for all images")
        'is no better than one diagnosis for all images: balanced accuracy 0.330, at most 0.333'
    """
    if np.isnan(value) or np.isnan(chance) or value > chance + _ROUNDING:
        return None
    return f"is no better than {of}: {name} {value:.3f}, at most {chance:.3f}"


def random_order_ap(n_positive: ArrayLike, n_images: ArrayLike) -> NDArray[np.float64]:
    """Return the average precision that a random order of the images has in the mean.

    It is above the share of positive images, and for a rare class by much: of one positive image among 100 it is 0.052.

    Args:
        n_positive: images that have the class, any shape.
        n_images: images whose label is known, of the same shape.

    Returns:
        ``((P - 1) / (N - 1) (N - H_N) + H_N) / N`` with the N-th harmonic number; NaN without a positive image.

    Example:
        >>> random_order_ap([1, 2, 0], [2, 2, 2]).tolist()
        [0.75, 1.0, nan]
    """
    positive, n = np.broadcast_arrays(_numbers(n_positive), _numbers(n_images))
    harmonic = np.array([np.sum(1 / np.arange(1, int(count) + 1)) for count in n.ravel()]).reshape(n.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(n > 1, (positive - 1) / (n - 1), 0.0)
        return np.where(positive > 0, (rest * (n - harmonic) + harmonic) / n, np.nan)


def mean_random_order_ap(labels: ArrayLike) -> float:
    """Return the mean over the classes of :func:`random_order_ap`.

    Args:
        labels: ``(N, C)`` of 0, 1 and NaN for unknown, which counts nowhere.

    Returns:
        In (0, 1]; classes without a positive image are left out, NaN where that is all of them.

    Example:
        >>> mean_random_order_ap([[1, 0], [0, 0]])
        0.75
    """
    truth = _numbers(labels)
    chances = random_order_ap((truth == 1).sum(axis=0), (~np.isnan(truth)).sum(axis=0))
    known = chances[~np.isnan(chances)]
    return float(known.mean()) if len(known) else float("nan")


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
