"""Prunes one network to many sparsities, again and again, after a single sort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
import torch
from torch import Tensor, nn

from htl_monai.pruning.applied import restore_weights
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.pruner import Pruner, check_amount
from htl_monai.pruning.report import sparsity_table

__all__ = ["Sweep"]

_MOST_SPARSITIES = 255


class Sweep:
    """All sparsities of one network: ``with sweep.at(0.7): …`` prunes it in place and restores it after the block.

    It is made to be entered for every batch and every sparsity. The weights are ranked once; since the masks of a
    pruner are nested, one byte a weight (at how many of the sparsities it survives) holds them all. A block costs one
    masked copy of the dense weights and one plain copy at its end. Memory: one copy of the dense weights and that byte.

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

    def __init__(self, network: nn.Module, pruner: Pruner, sparsities: Sequence[float]) -> None:
        self.network = network
        self.pruner = pruner
        self.sparsities = _checked(sparsities)
        self._order = {sparsity: i for i, sparsity in enumerate(sorted(self.sparsities))}
        self._parameters = prunable_parameters(network)
        self._survived = self._survivals()
        self._dense = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._inside = False
        self._stamps = self._current_stamps()

    @contextmanager
    def at(self, sparsity: float) -> Iterator[nn.Module]:
        """Prune the network to ``sparsity`` inside a ``with`` block; 0 touches nothing.

        The weights come back bit for bit also when the block raises.

        Args:
            sparsity: one of ``sparsities``.

        Yields:
            The network, pruned.

        Raises:
            RuntimeError: inside another block of this sweep, or the weights changed since the sweep was built.
            ValueError: ``sparsity`` is not one of ``sparsities``.
        """
        index = self._index(sparsity)
        if self._inside:
            raise RuntimeError(
                f"at({sparsity}) must be entered after the sweep's last block ended, got it inside; leave that first"
            )
        self._check_unchanged()
        if sparsity == 0:
            yield self.network
            return
        self._inside = True
        try:
            for name, parameter in self._parameters.items():
                # 1 where the weight survives this sparsity, else 0, times the dense weight. In the parameter's own
                # storage: nothing is allocated, and on a CPU it takes a quarter of the time of torch.where.
                weight = parameter.detach()
                weight.copy_(self._survived[name]).sub_(index).clamp_(0, 1).mul_(self._dense[name])
            torch.clear_autocast_cache()  # autocast keeps low-precision copies of weights, which are stale now
            yield self.network
        finally:
            restore_weights(self._parameters, self._dense)
            self._stamps = self._current_stamps()
            self._inside = False

    def masks(self, sparsity: float) -> dict[str, Tensor]:
        """Return the masks at one of ``sparsities``, equal to those of the pruner at that amount."""
        index = self._index(sparsity)
        return {name: survived > index for name, survived in self._survived.items()}

    def report(self) -> pd.DataFrame:
        """Return the rows of ``sparsity_report`` for every sparsity; ``amount`` is the one asked for."""
        reports = []
        for sparsity in self.sparsities:
            report = sparsity_table(self.masks(sparsity))
            report.insert(0, "amount", sparsity)
            reports.append(report)
        return pd.concat(reports, ignore_index=True)

    def _survivals(self) -> dict[str, Tensor]:
        """Count, for every weight, the sparsities at which it stays; in ascending order those are the first ones."""
        ranks = self.pruner.ranks(self.network)
        survived = {name: torch.zeros_like(rank, dtype=torch.uint8) for name, rank in ranks.items()}
        for sparsity in self._order:
            for name, threshold in self.pruner.thresholds(ranks, sparsity).items():
                survived[name] += ranks[name] >= threshold
        return survived

    def _index(self, sparsity: float) -> int:
        if sparsity not in self._order:
            raise ValueError(
                f"sparsity must be one of the sweep's {list(self.sparsities)}, got {sparsity}; "
                "name it when the sweep is built"
            )
        return self._order[sparsity]

    def _current_stamps(self) -> dict[str, tuple[int, int]]:
        return {name: (weight.data_ptr(), weight._version) for name, weight in self._parameters.items()}

    def _check_unchanged(self) -> None:
        stamps = self._current_stamps()
        changed = [name for name, stamp in stamps.items() if stamp != self._stamps[name]]
        if changed:
            raise RuntimeError(
                f"network must be as it was when the sweep was built, got changed weights in {changed[:3]} "
                f"({len(changed)} in all); build a new Sweep after training or loading"
            )


def _checked(sparsities: Sequence[float]) -> tuple[float, ...]:
    for sparsity in sparsities:
        check_amount(sparsity, "sparsities")
    values = tuple(float(sparsity) for sparsity in sparsities)
    if not 0 < len(values) <= _MOST_SPARSITIES or len(set(values)) < len(values):
        raise ValueError(
            f"sparsities must be 1 to {_MOST_SPARSITIES} different fractions, got {list(values)}; name each one once"
        )
    return values
