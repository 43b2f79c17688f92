"""What every sweep has in common: it changes the weights in place for a block and restores them bit for bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import pandas as pd
import torch
from torch import nn

from htl_monai.pruning.amount import check_amount
from htl_monai.pruning.applied import restore_weights
from htl_monai.pruning.inference_form import InferenceForm
from htl_monai.pruning.one_block import one_block
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.weight_watch import WeightWatch

__all__ = ["WeightSweep"]

_MOST_SPARSITIES = 255
_Output = TypeVar("_Output")


class WeightSweep(ABC):
    """All sparsities of one network: ``with sweep.at(0.7): …`` compresses it in place and restores it after the block.

    It is made to be entered for every batch and every sparsity, by one thread at a time. Nothing is registered on the
    network for longer than a block, and its weights keep their storage. Memory: one copy of the dense weights, with
    which they are compared when a block is entered.

    With ``sweep.folded = True`` a block yields what stands in for the network and runs faster, and the network is left
    alone, see :class:`~htl_monai.pruning.inference_form.InferenceForm`. It is for inference: who looks for layers or
    gradients in the network, as heat maps do, needs the network itself.

    Args:
        network: the dense network; a wrapped one is looked through, see :func:`prunable_parameters`.
        sparsities: the fractions to save, each in [0, 1), without repeats, at most 255.

    Raises:
        TypeError: a sparsity is no number.
        ValueError: ``sparsities`` are empty, repeated, too many or outside [0, 1).
    """

    def __init__(self, network: nn.Module, sparsities: Sequence[float]) -> None:
        self.network = network
        self.sparsities = _checked(sparsities)
        self.folded = False
        self._form: InferenceForm | None = None
        self._parameters = prunable_parameters(network)
        with one_block(self._parameters):
            self._dense = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
            self._watch = WeightWatch(self._parameters, self._dense)
            self._stamps = self._current_stamps()

    @abstractmethod
    def report(self) -> pd.DataFrame:
        """Return what is really saved: for every sparsity (``amount``) a row per layer and a last row ``all``."""

    @abstractmethod
    def _apply(self, sparsity: float) -> None:
        """Compress the network to ``sparsity``, which is above 0 and one of ``sparsities``."""

    def _undo(self) -> None:
        """Bring back what ``_apply`` changed."""
        restore_weights(self._parameters, self._dense)

    def _is_folded(self) -> bool:
        return self.folded

    def _key(self, sparsity: float) -> Hashable:
        """Return what the weights depend on: they are the same at two sparsities of one key."""
        return sparsity

    @contextmanager
    def at(self, sparsity: float) -> Iterator[nn.Module]:
        """Compress the network to ``sparsity`` inside a ``with`` block; 0 touches nothing.

        The weights come back bit for bit also when the block raises.

        Args:
            sparsity: one of ``sparsities``, or 0.

        Yields:
            The network, compressed; or what stands in for it, see ``folded``.

        Raises:
            RuntimeError: another block of this or any other sweep, or of :func:`~htl_monai.pruning.pruned`, is open on
                the network, in whatever thread; or the weights changed since the sweep was built.
            ValueError: ``sparsity`` is not one of ``sparsities``.
        """
        self._check_known(sparsity)
        with one_block(self._parameters):
            self._check_unchanged()
            with self._current_form().at(sparsity) if self._is_folded() else self._compressed(sparsity) as network:
                yield network

    def outputs(self, run: Callable[[nn.Module], _Output]) -> Iterator[_Output]:
        """Yield ``run(network)`` of the dense network and at each of ``sparsities``, in their order.

        Where no weight differs from the dense network, or from the sparsity before, the same output comes again and
        nothing is run.
        """
        with self.at(0.0) as network:
            output = run(network)
        yield output
        dense, last = (self._key(0.0), output), (self._key(0.0), output)
        for sparsity in self.sparsities:
            key = self._key(sparsity)
            if key == dense[0]:
                last = dense
            elif key != last[0]:
                with self.at(sparsity) as network:
                    last = (key, run(network))
            yield last[1]

    @contextmanager
    def _compressed(self, sparsity: float) -> Iterator[nn.Module]:
        if sparsity == 0:
            yield self.network
            return
        try:
            self._apply(sparsity)
            torch.clear_autocast_cache()  # autocast keeps low-precision copies of weights, which are stale now
            yield self.network
        finally:
            self._undo()
            self._stamps = self._current_stamps()

    def _current_form(self) -> InferenceForm:
        if self._form is None or not self._form.is_current():
            self._form = InferenceForm(self.network, self._parameters, (0.0, *self.sparsities), self._compressed)
        return self._form

    def _check_known(self, sparsity: float) -> None:
        if sparsity and sparsity not in self.sparsities:
            raise ValueError(
                f"sparsity must be one of the sweep's {list(self.sparsities)}, got {sparsity}; "
                "name it when the sweep is built"
            )

    def _current_stamps(self) -> dict[str, tuple[int, int]]:
        return {name: (weight.data_ptr(), weight._version) for name, weight in self._parameters.items()}

    def _check_unchanged(self) -> None:
        stamps = self._current_stamps()
        # A weight that was replaced leaves the old one as it was, which the network no longer uses.
        now = prunable_parameters(self.network)
        changed = [name for name in self._parameters | now if now.get(name) is not self._parameters.get(name)]
        changed = changed or [name for name, stamp in stamps.items() if stamp != self._stamps[name]]
        changed = changed or self._watch.changed()
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
