"""Compares what two networks outline, or what one outlines with the truth: as mask and as box, image by image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from htl_monai.localization.boxes import Box, mask_to_box
from htl_monai.metrics.segmentation import label_foreground, mask_scores
from htl_monai.tasks.boxes import BOX_EDGES, box_edges, box_iou

__all__ = ["agreement_scores", "foreground_mask", "heat_map_scores"]


def foreground_mask(pred: Tensor, threshold: float = 180) -> Tensor:
    """Return the foreground of a prediction.

    Args:
        pred: logits of background and foreground ``(N, 2, H, W)``: the larger one decides, a tie is background; or
            heat maps in [0, 1] ``(N, 1, H, W)``: foreground reaches the threshold.
        threshold: of a heat map, on the scale of 0 to 255 (Attend Who is Weak, section 3: 180).

    Returns:
        bool of shape ``(N, H, W)``; NaN is background.

    Raises:
        ValueError: ``pred`` has another shape, or ``threshold`` is not in (0, 255].

    Example:
        >>> foreground_mask(torch.tensor([0.0, 0.7, 0.8, 1.0]).view(1, 1, 1, 4)).tolist()
        [[[False, False, True, True]]]
    """
    if pred.ndim != 4 or pred.shape[1] not in (1, 2):
        raise ValueError(
            f"pred must be logits (N, 2, H, W) or heat maps (N, 1, H, W), got {tuple(pred.shape)}; "
            "pass what a segmentation network or a heat map inferer returns"
        )
    if not 0 < threshold <= 255:
        raise ValueError(f"threshold must be in (0, 255], got {threshold}; the paper's is 180")
    pred = pred.as_subclass(Tensor)  # type: ignore[attr-defined]
    return pred[:, 1] > pred[:, 0] if pred.shape[1] == 2 else 255 * pred[:, 0] >= threshold


def agreement_scores(pred: Tensor, reference: Tensor, threshold: float = 180) -> dict[str, Tensor]:
    """Score how far a pruned network's predictions agree with the dense network's, where there is no label.

    Attend Who is Weak, Algorithm 2: the images whose box moves most are those that the network forgets; box drop = 1 -
    box IoU. A box encloses the largest 8-connected region. An image with NaN in one of its predictions has NaN in all
    scores.

    Args:
        pred: logits ``(N, 2, H, W)`` or heat maps ``(N, 1, H, W)`` of the pruned network.
        reference: the same of the dense network.
        threshold: of heat maps, see :func:`foreground_mask`.

    Returns:
        float64 of shape ``(N,)`` each, on the device of ``pred``: ``box_iou`` (1 where both boxes are empty, 0 where
        one is), the scores of :func:`~htl_monai.metrics.segmentation.mask_scores`, and the box of ``pred`` as
        ``x_min``, ``y_min``, ``x_max`` and ``y_max``, fractions of width and height, NaN where it is empty.

    Raises:
        ValueError: the predictions differ in shape, or are no predictions.
    """
    if pred.shape != reference.shape:
        raise ValueError(
            f"reference must be {tuple(pred.shape)} as pred, got {tuple(reference.shape)}; "
            "pass two predictions of one kind"
        )
    chosen, wanted = foreground_mask(pred, threshold), foreground_mask(reference, threshold)
    unmeasured = _with_nan(pred) | _with_nan(reference)
    boxes = _boxes(chosen)
    overlaps = _column(map(box_iou, boxes, _boxes(wanted)), unmeasured)
    return {
        "box_iou": overlaps,
        **mask_scores(chosen, wanted, unmeasured),
        **_edge_scores(boxes, chosen, unmeasured),
    }


def heat_map_scores(pred: Tensor, label: Tensor, threshold: float = 180) -> dict[str, Tensor]:
    """Score predictions against masks, as masks and as boxes (Attend Who is Weak, weakly supervised setting).

    The paper leaves open whether the heat map's mask or its box is scored, so both are.

    Args:
        pred: heat maps ``(N, 1, H, W)`` or logits ``(N, 2, H, W)``.
        label: masks of 0 and 1, ``(N, 1, H, W)``.
        threshold: of heat maps, see :func:`foreground_mask`.

    Returns:
        float64 of shape ``(N,)`` each, on the device of ``pred``: the scores of
        :func:`~htl_monai.metrics.segmentation.mask_scores`; ``box_iou`` of the prediction's box and the mask's (1
        where both are empty, 0 where one is); ``box_foreground_iou``, the IoU of the filled box and the mask (NaN
        where both are empty); and the box of ``pred`` as in :func:`agreement_scores`.

    Raises:
        ValueError: ``pred`` is no prediction, or ``label`` has not the matching shape, or other values than 0 and 1.
    """
    chosen = foreground_mask(pred, threshold)
    wanted = label_foreground(label, pred)
    unmeasured = _with_nan(pred)
    boxes = _boxes(chosen)
    filled = torch.zeros_like(chosen)
    for i, box in enumerate(boxes):
        if box is not None:
            filled[i, box.y_min : box.y_max, box.x_min : box.x_max] = True
    return {
        **mask_scores(chosen, wanted, unmeasured),
        "box_iou": _column(map(box_iou, boxes, _boxes(wanted)), unmeasured),
        "box_foreground_iou": mask_scores(filled, wanted, unmeasured)["foreground_iou"],
        **_edge_scores(boxes, chosen, unmeasured),
    }


def _with_nan(pred: Tensor) -> Tensor:
    return torch.isnan(pred.as_subclass(Tensor)).flatten(1).any(dim=1)  # type: ignore[attr-defined]


def _boxes(masks: Tensor) -> list[Box | None]:
    return [mask_to_box(mask) for mask in masks.cpu().numpy()]


def _edge_scores(boxes: list[Box | None], masks: Tensor, unmeasured: Tensor) -> dict[str, Tensor]:
    height, width = masks.shape[1:]
    edges = np.array([box_edges(box, height, width) for box in boxes]).reshape(-1, len(BOX_EDGES))
    return {name: _column(edges[:, i], unmeasured) for i, name in enumerate(BOX_EDGES)}


def _column(values: Iterable[float], unmeasured: Tensor) -> Tensor:
    column = torch.tensor(list(values), dtype=torch.float64, device=unmeasured.device)
    return column.masked_fill_(unmeasured, torch.nan)
