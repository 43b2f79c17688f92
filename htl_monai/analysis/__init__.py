"""What pruning hits: impact by class, groups of patients, statistics, and checks against a planted truth."""

from __future__ import annotations

from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.box_impact import impact_on_boxes
from htl_monai.analysis.co_occurrence import co_occurrence_iou
from htl_monai.analysis.correlations import correlations
from htl_monai.analysis.detection import detection
from htl_monai.analysis.dissimilarity import forgettability_dissimilarity
from htl_monai.analysis.fcd_regression import pairs_table, regress_fcd
from htl_monai.analysis.forgettability import class_changes, first_drop, forgettability_curves, relative_change
from htl_monai.analysis.groups import age_group, group_summary
from htl_monai.analysis.impact import impact, impact_of_pruning, is_of_boxes
from htl_monai.analysis.over_representation import over_representation
from htl_monai.analysis.overall_drop import first_significant, overall_drop
from htl_monai.analysis.pair_correlations import pair_correlations
from htl_monai.analysis.seeds_and_images import SeedsAndImages, seeds_and_images_interval
from htl_monai.analysis.statistics import PairedDifference, compare, paired_bootstrap

__all__ = [
    "PairedDifference",
    "SeedsAndImages",
    "age_group",
    "average_precision",
    "class_changes",
    "co_occurrence_iou",
    "compare",
    "correlations",
    "detection",
    "first_drop",
    "first_significant",
    "forgettability_curves",
    "forgettability_dissimilarity",
    "group_summary",
    "impact",
    "impact_of_pruning",
    "impact_on_boxes",
    "is_of_boxes",
    "over_representation",
    "overall_drop",
    "paired_bootstrap",
    "pair_correlations",
    "pairs_table",
    "regress_fcd",
    "relative_change",
    "seeds_and_images_interval",
]
