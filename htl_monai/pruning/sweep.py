"""Prunes one network to many sparsities, again and again, after a single sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from htl_monai.pruning.report import sparsity_table
from htl_monai.pruning.weight_sweep import WeightSweep

__all__ = ["Ranking", "Sweep"]


class Ranking(Protocol):
    """What a sweep asks of a pruner, see :class:`~htl_monai.pruning.Pruner`."""

    def ranks(self, network: nn.Module) -> dict[str, Tensor]:
        """Rank the weights of ``network``; the lowest go first."""

    def thresholds(self, ranks: dict[str, Tensor], amount: float) -> dict[str, int]:
        """Return, for each weight, the rank below which an entry is removed when ``amount`` is pruned."""


class Sweep(WeightSweep):
    """All sparsities of one network: ``with sweep.at(0.7): …`` prunes it in place and restores it after the block.

    The weights are ranked once; since the masks of a pruner are nested, one byte a weight (at how many of the
    sparsities it survives) holds them all. A block costs one masked copy of the dense weights and one plain copy at its
    end. Memory: one copy of the dense weights and that byte. See :class:`~htl_monai.pruning.WeightSweep`.

    Args:
        network: the dense network; a wrapped one is looked through, see :func:`prunable_parameters`.
        pruner: what ranks the weights; its own ``amount`` plays no part.
        sparsities: the fractions to prune to, each in [0, 1), without repeats, at most 255.

    Raises:
        TypeError: a sparsity is no number.
        ValueError: ``sparsities`` are empty, repeated, too many or outside [0, 1); or a weight is not finite.

    Example:
        >>> from htl_monai.pruning import GlobalMagnitude
        >>> layer = nn.Linear(10, 1)
        >>> sweep = Sweep(layer, GlobalMagnitude(), [0.5, 0.7])
        >>> with sweep.at(0.7):
        ...     int(layer.weight.count_nonzero())
        3
    """

    def __init__(self, network: nn.Module, pruner: Ranking, sparsities: Sequence[float]) -> None:
        super().__init__(network, sparsities)
        self.pruner = pruner
        self._order = {sparsity: i for i, sparsity in enumerate(sorted(self.sparsities))}
        self._survived = self._survivals()
        self._n_kept = [sum(int((kept > i).sum()) for kept in self._survived.values()) for i in range(len(self._order))]

    def masks(self, sparsity: float) -> dict[str, Tensor]:
        """Return the masks at one of ``sparsities``, equal to those of the pruner at that amount."""
        self._check_known(sparsity)
        return {name: survived > self._order[sparsity] for name, survived in self._survived.items()}

    def report(self) -> pd.DataFrame:
        """Return the rows of ``sparsity_report`` for every sparsity; ``amount`` is the one asked for."""
        reports = []
        for sparsity in self.sparsities:
            report = sparsity_table(self.masks(sparsity))
            report.insert(0, "amount", sparsity)
            reports.append(report)
        return pd.concat(reports, ignore_index=True)

    def _apply(self, sparsity: float) -> None:
        for name, parameter in self._parameters.items():
            # 1 where the weight survives this sparsity, else 0, times the dense weight. In the parameter's own
            # storage: nothing is allocated, and on a CPU it takes a quarter of the time of torch.where.
            weight = parameter.detach()
            weight.copy_(self._survived[name]).sub_(self._order[sparsity]).clamp_(0, 1).mul_(self._dense[name])

    def _key(self, sparsity: float) -> int:
        # Masks are nested: those that keep as many weights keep the same ones.
        return self._n_kept[self._order[sparsity]] if sparsity else sum(map(torch.numel, self._survived.values()))

    def _survivals(self) -> dict[str, Tensor]:
        """Count, for every weight, the sparsities at which it stays; in ascending order those are the first ones."""
        ranks = self.pruner.ranks(self.network)
        survived = {name: torch.zeros_like(rank, dtype=torch.uint8) for name, rank in ranks.items()}
        for sparsity in self._order:
            for name, threshold in self.pruner.thresholds(ranks, sparsity).items():
                survived[name] += ranks[name] >= threshold
        return survived
