"""What every way to compress a network has in common: an amount, and a sweep over many amounts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from htl_monai.pruning.weight_sweep import WeightSweep, check_amount

__all__ = ["Compressor"]


@dataclass(frozen=True)
class Compressor(ABC):
    """A value that says how a network is compressed.

    What is saved depends on the kind: weights that are removed (:class:`~htl_monai.pruning.Pruner`), parameters that
    need not be stored (:class:`~htl_monai.pruning.LowRank`), bits (:class:`~htl_monai.pruning.Quantization`). All of
    them are mined through the same sweep, where the amount is called sparsity.

    Args:
        amount: fraction to save, in [0, 1); 0 leaves the network dense. Attend Who is Weak mines at 0.7.

    Raises:
        TypeError: ``amount`` is no number.
        ValueError: ``amount`` lies outside [0, 1).
    """

    amount: float = 0.7

    def __post_init__(self) -> None:
        check_amount(self.amount)

    @abstractmethod
    def sweep(self, network: nn.Module, sparsities: Sequence[float]) -> WeightSweep:
        """Return what compresses ``network`` in place to each of many amounts; the own ``amount`` plays no part."""
