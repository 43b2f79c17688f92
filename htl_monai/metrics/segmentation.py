"""IoU and Dice of lesion and background, image by image."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["SCORE_NAMES", "label_foreground", "mask_scores", "segmentation_scores", "whole_image_iou"]

SCORE_NAMES = ("foreground_iou", "background_iou", "foreground_dice", "background_dice")


def segmentation_scores(pred: Tensor, label: Tensor) -> dict[str, Tensor]:
    """Score each image of a batch: IoU and Dice of the foreground and of the background.

    Forgetting is a drop of one of these scores, so each image has its own (Attend Who is Weak, Algorithm 1, line 4;
    Table 2 averages them over images). A class that is absent from both the prediction and the label has nothing to
    measure: its scores are NaN. An empty label with a lesion predicted scores 0. An image with NaN in its prediction
    has NaN in all four.

    Args:
        pred: logits or probabilities of background and foreground, ``(N, 2, H, W)`` or ``(N, 2, H, W, D)``; the larger
            channel decides, a tie is background.
        label: mask of 0 and 1, ``(N, 1, H, W)`` or ``(N, 1, H, W, D)``.

    Returns:
        ``foreground_iou``, ``background_iou``, ``foreground_dice`` and ``background_dice``: float64 of shape ``(N,)``
        in [0, 1], higher = better, on the device of ``pred``.

    Raises:
        ValueError: ``pred`` has not 2 channels, or ``label`` not the matching shape, or other values than 0 and 1.

    Example:
        >>> pred = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 1, 4)
        >>> label = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 1, 1, 4)
        >>> segmentation_scores(pred, label)["foreground_iou"].item()
        0.75
    """
    if pred.ndim < 3 or pred.shape[1] != 2:
        raise ValueError(f"pred must be (N, 2, H, W) or (N, 2, H, W, D), got {tuple(pred.shape)}; pass both classes")
    foreground = label_foreground(label, pred)
    pred = pred.as_subclass(Tensor)  # type: ignore[attr-defined]
    unmeasured = torch.isnan(pred).flatten(1).any(dim=1)
    return mask_scores(pred[:, 1] > pred[:, 0], foreground, unmeasured)


def label_foreground(label: Tensor, pred: Tensor) -> Tensor:
    """Return the foreground of masks that a batch of predictions is scored against.

    Args:
        label: masks of 0 and 1, ``(N, 1, ...)``.
        pred: predictions ``(N, C, ...)``.

    Returns:
        bool, ``(N, ...)``.

    Raises:
        ValueError: the shapes do not match, or a mask holds another value, such as NaN: it would count as background.
    """
    expected = (pred.shape[0], 1, *pred.shape[2:])
    if tuple(label.shape) != expected:
        raise ValueError(f"label must be {expected} to match pred, got {tuple(label.shape)}; pass one mask channel")
    label = label.as_subclass(Tensor)[:, 0]  # type: ignore[attr-defined]
    foreground = label == 1
    odd = ~(foreground | (label == 0))
    if odd.any():
        number = int(odd.flatten(1).any(dim=1).nonzero()[0])
        raise ValueError(
            f"label must hold 0 and 1 only, got {label[odd][0].item():g} in image {number} of the batch; "
            "correct the mask, or cut it at a threshold"
        )
    return foreground


def whole_image_iou(label: Tensor) -> Tensor:
    """Return the foreground IoU that a mask of the whole image has: the share of the image that is foreground.

    Args:
        label: masks, ``(N, 1, H, W)`` or ``(N, 1, H, W, D)``; foreground is above 0.5.

    Returns:
        float64 of shape ``(N,)`` in [0, 1].

    Example:
        >>> whole_image_iou(torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)).item()
        0.25
    """
    return (label.as_subclass(Tensor) > 0.5).flatten(1).double().mean(dim=1)  # type: ignore[attr-defined]


def mask_scores(predicted: Tensor, actual: Tensor, unmeasured: Tensor | None = None) -> dict[str, Tensor]:
    """Score each mask of a batch against another: IoU and Dice of the foreground and of the background.

    Args:
        predicted: bool, ``(N, ...)``.
        actual: bool, the same shape.
        unmeasured: bool, ``(N,)``: images whose prediction is no mask, such as NaN; their scores are NaN.

    Returns:
        Those of :func:`segmentation_scores`: a class that is absent from both masks is NaN, one absent from one is 0.

    Raises:
        ValueError: the masks differ in shape.

    Example:
        >>> predicted, actual = torch.tensor([[True, True, True, True]]), torch.tensor([[True, True, True, False]])
        >>> mask_scores(predicted, actual)["foreground_iou"].item()
        0.75
    """
    if predicted.shape != actual.shape:
        raise ValueError(
            f"actual must be {tuple(predicted.shape)} as predicted, got {tuple(actual.shape)}; pass masks of one size"
        )
    predicted, actual = predicted.flatten(1), actual.flatten(1)
    if unmeasured is None:
        unmeasured = torch.zeros(len(predicted), dtype=torch.bool, device=predicted.device)
    intersection = (predicted & actual).sum(dim=1).double().masked_fill_(unmeasured, torch.nan)
    both = (predicted.sum(dim=1) + actual.sum(dim=1)).double()
    union = both - intersection
    n_pixels = predicted.shape[1]
    # The background's intersection is what lies outside the foreground's union, and the other way round.
    return {
        "foreground_iou": intersection / union,
        "background_iou": (n_pixels - union) / (n_pixels - intersection),
        "foreground_dice": 2 * intersection / both,
        "background_dice": 2 * (n_pixels - union) / (2 * n_pixels - both),
    }
