"""What pruning hits: impact by class, groups of patients, statistics, and checks against a planted truth."""

from __future__ import annotations

from htl_monai.analysis.box_impact import impact_on_boxes
from htl_monai.analysis.detection import detection
from htl_monai.analysis.groups import age_group, group_summary
from htl_monai.analysis.impact import impact, impact_of_pruning, is_of_boxes
from htl_monai.analysis.statistics import PairedDifference, bootstrap_interval, compare, paired_bootstrap

__all__ = [
    "PairedDifference",
    "age_group",
    "bootstrap_interval",
    "compare",
    "detection",
    "group_summary",
    "impact",
    "impact_of_pruning",
    "impact_on_boxes",
    "is_of_boxes",
    "paired_bootstrap",
]
