"""Pruners and other compressors, the masks of pruners, and the sweep over many sparsities."""

from __future__ import annotations

from htl_monai.pruning.applied import pruned
from htl_monai.pruning.compressor import Compressor
from htl_monai.pruning.low_rank import LowRank
from htl_monai.pruning.magnitude import GlobalMagnitude
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.pruner import Pruner, Sweep
from htl_monai.pruning.quantization import Quantization
from htl_monai.pruning.random_pruner import Random
from htl_monai.pruning.structured import StructuredMagnitude
from htl_monai.pruning.weight_sweep import WeightSweep

__all__ = [
    "Compressor",
    "GlobalMagnitude",
    "LowRank",
    "Pruner",
    "Quantization",
    "Random",
    "StructuredMagnitude",
    "Sweep",
    "WeightSweep",
    "prunable_parameters",
    "pruned",
]
