"""Pruners, the masks that they yield, and the sweep over many sparsities that sorts the weights once."""

from __future__ import annotations

from htl_monai.pruning.applied import pruned
from htl_monai.pruning.magnitude import GlobalMagnitude
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.pruner import Pruner
from htl_monai.pruning.random_pruner import Random
from htl_monai.pruning.report import sparsity_report
from htl_monai.pruning.structured import StructuredMagnitude
from htl_monai.pruning.sweep import Sweep

__all__ = [
    "GlobalMagnitude",
    "Pruner",
    "Random",
    "StructuredMagnitude",
    "Sweep",
    "prunable_parameters",
    "pruned",
    "sparsity_report",
]
