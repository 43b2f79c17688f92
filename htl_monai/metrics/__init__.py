"""Per-image scores, and forgetting = dense - pruned."""

from __future__ import annotations

from htl_monai.metrics.forgetting import forgetting, relative_forgetting
from htl_monai.metrics.segmentation import SCORE_NAMES, segmentation_scores

__all__ = ["SCORE_NAMES", "forgetting", "relative_forgetting", "segmentation_scores"]
