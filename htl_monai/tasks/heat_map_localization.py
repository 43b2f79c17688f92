"""Where something lies, said by a heat map or by logits: as mask and as box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from htl_monai.localization.boxes import Box, mask_to_box
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.boxes import BOX_EDGES, box_edges, box_iou
from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.segmentation import overlap, with_nan
from htl_monai.tasks.task import as_plain
from htl_monai.tasks.usefulness import useless_boxes

__all__ = ["HeatMapLocalization", "foreground_mask"]


@dataclass(frozen=True)
class HeatMapLocalization(BinarySegmentation):
    """Localization in pictures: the box of the largest 8-connected region (Attend Who is Weak, section 3).

    ``pred`` are heat maps in [0, 1] ``(N, 1, H, W)``, which serve as probabilities, or logits ``(N, 2, H, W)``.

    Scores, float64: the edges of the box ``x_min``, ``y_min``, ``x_max`` and ``y_max`` ``(N,)``, fractions of width and
    height, NaN without a box. With masks as labels also ``iou`` and ``dice`` ``(N, C)``, ``box_iou`` with the mask's
    box, and ``box_foreground_iou``, the IoU of the filled box and the mask: the paper leaves open which of them counts.

    Args:
        threshold: from where a heat map is foreground, on the scale of 0 to 255 (the paper: 180).
    """

    name: ClassVar[str] = "heat_map_localization"
    primary_agreement: ClassVar[str] = "box_agreement"
    says = (*BinarySegmentation.says, "box_agreement")
    says_of_labels = (*BinarySegmentation.says_of_labels, "box_iou", "box_foreground_iou")
    threshold: float = 180

    def scores(self, output: Mapping[str, Any]) -> dict[str, Tensor]:
        pred = as_plain(output["pred"])
        masks = self.drawn(pred)
        boxes, unmeasured = _boxes(masks), with_nan(pred)
        scores = super().scores(output)
        if scores:
            wanted = self.actual(as_plain(output["label"]))
            scores["box_iou"] = _column(map(box_iou, boxes, _boxes(wanted)), unmeasured)
            filled = overlap(self.counts(_filled(boxes, masks), wanted), unmeasured)
            scores["box_foreground_iou"] = filled["iou"][:, 1]
        return scores | _edge_scores(boxes, masks, unmeasured)

    def agreement(self, pred: Tensor, dense: Tensor) -> dict[str, Tensor]:
        """Add ``box_agreement``, the IoU of the two boxes: 1 where both are empty, 0 where one is (Algorithm 2: the
        images whose box moves most are those that the network forgets; box drop = 1 - agreement). Where neither network
        outlines anything, ``mask_agreement`` has nothing to measure.
        """
        agreement = super().agreement(pred, dense)
        pred, dense = as_plain(pred), as_plain(dense)
        drawn, of_dense = self.drawn(pred), self.drawn(dense)
        nothing = ~(drawn | of_dense).flatten(1).any(dim=1)
        agreement["mask_agreement"] = agreement["mask_agreement"].masked_fill(nothing, torch.nan)
        overlaps = map(box_iou, _boxes(drawn), _boxes(of_dense))
        return {"box_agreement": _column(overlaps, with_nan(pred) | with_nan(dense)), **agreement}

    def useless(self, scores: Mapping[str, NDArray[Any]]) -> str | None:
        """Judge masks where there are labels, else boxes by where they lie; those in pixels do not say it."""
        boxes = useless_boxes(scores) if {*BOX_EDGES} <= scores.keys() else None
        return super().useless(scores) if self.primary in scores else boxes

    def drawn(self, pred: Tensor) -> Tensor:
        return foreground_mask(pred, self.threshold)

    def pixel_probabilities(self, pred: Tensor) -> Tensor:
        return torch.cat([1 - pred, pred], dim=1) if pred.shape[1] == 1 else super().pixel_probabilities(pred)

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "heat map" and output.channels == 1


def foreground_mask(pred: Tensor, threshold: float = 180) -> Tensor:
    """Return the foreground of a prediction.

    Args:
        pred: logits of background and foreground ``(N, 2, H, W)``: the larger one decides, a tie is background; or
            heat maps in [0, 1] ``(N, 1, H, W)``: foreground reaches the threshold.
        threshold: of a heat map, on the scale of 0 to 255.

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
    pred = as_plain(pred)
    return pred[:, 1] > pred[:, 0] if pred.shape[1] == 2 else 255 * pred[:, 0] >= threshold


def _boxes(masks: Tensor) -> list[Box | None]:
    return [mask_to_box(mask) for mask in masks.cpu().numpy()]


def _filled(boxes: list[Box | None], masks: Tensor) -> Tensor:
    filled = torch.zeros_like(masks)
    for i, box in enumerate(boxes):
        if box is not None:
            filled[i, box.y_min : box.y_max, box.x_min : box.x_max] = True
    return filled


def _edge_scores(boxes: list[Box | None], masks: Tensor, unmeasured: Tensor) -> dict[str, Tensor]:
    height, width = masks.shape[1:]
    edges = np.array([box_edges(box, height, width) for box in boxes]).reshape(-1, len(BOX_EDGES))
    return {name: _column(edges[:, i], unmeasured) for i, name in enumerate(BOX_EDGES)}


def _column(values: Iterable[float], unmeasured: Tensor) -> Tensor:
    column = torch.tensor(list(values), dtype=torch.float64, device=unmeasured.device)
    return column.masked_fill_(unmeasured, torch.nan)
