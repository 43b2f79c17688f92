"""Per-image scores."""

from __future__ import annotations

from htl_monai.metrics.localization import agreement_scores, foreground_mask, heat_map_scores
from htl_monai.metrics.segmentation import SCORE_NAMES, mask_scores, segmentation_scores
from htl_monai.tasks.boxes import box_iou

__all__ = [
    "SCORE_NAMES",
    "agreement_scores",
    "box_iou",
    "foreground_mask",
    "heat_map_scores",
    "mask_scores",
    "segmentation_scores",
]
