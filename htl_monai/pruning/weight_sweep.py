"""What every sweep has in common: it changes the weights in place for a block and restores them bit for bit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import NamedTuple, TypeVar

import pandas as pd
import torch
from torch import nn

from htl_monai.pruning.applied import one_block, restore_weights
from htl_monai.pruning.inference_form import InferenceForm
from htl_monai.pruning.prunable import prunable_parameters
from htl_monai.pruning.weight_watch import WeightWatch

__all__ = ["Saving", "WeightSweep", "check_amount", "check_finite", "savings_table"]

_MOST_SPARSITIES = 255
_Output = TypeVar("_Output")


class WeightSweep(ABC):
    """All sparsities of one network: ``with sweep.at(0.7): …`` compresses it in place and restores it after the block.

    It is made to be entered for every batch and every sparsity. Nothing is registered on the network for longer than a
    block, and its weights keep their storage. Memory: one copy of the dense weights, with which they are compared when
    a block is entered.

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

    def report(self) -> pd.DataFrame:
        """Return what is really saved: for every sparsity (``amount``) a row per layer and a last row ``all``."""
        tables = {sparsity: self._layers_at(sparsity) for sparsity in self.sparsities}
        for sparsity, table in tables.items():
            table.insert(0, "amount", sparsity)
        return pd.concat(tables.values(), ignore_index=True)

    @abstractmethod
    def _layers_at(self, sparsity: float) -> pd.DataFrame:
        """Return the rows of :meth:`report` at one sparsity."""

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

        The weights come back bit for bit also when the block raises. It yields the network, or what stands in for it.

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


def check_amount(amount: float, name: str = "amount") -> None:
    """Refuse what is no fraction in [0, 1); ``name`` is the argument that the error speaks of."""
    if not isinstance(amount, Real):
        raise TypeError(f"{name} must be a number, got {amount!r}; pass the fraction of weights to remove")
    if not 0 <= amount < 1:
        raise ValueError(f"{name} must be in [0, 1), got {amount}; pass the fraction of weights to remove, such as 0.7")


def check_finite(parameters: Mapping[str, nn.Parameter]) -> None:
    """Refuse NaN and infinite weights: NaN has no rank, infinity times a mask's 0 is NaN, and neither predicts."""
    for name, weight in parameters.items():
        if not torch.isfinite(weight.detach()).all():
            raise ValueError(
                f"network must have finite weights, got NaN or infinity in {name}; load a checkpoint that converged"
            )


class Saving(NamedTuple):
    """What a layer saves, and the squared Frobenius norms of its change and of its dense weight."""

    layer: str
    n_weights: int
    n_stored: float  # 32-bit numbers that have to be stored instead
    lost: float
    energy: float


def savings_table(layers: Iterable[Saving]) -> pd.DataFrame:
    """Return one row per layer and a last row ``all``.

    Returns:
        ``layer``, ``n_weights``, ``n_stored``, ``saved`` (``1 - n_stored / n_weights``) and ``relative_error``
        (Frobenius norm of the change by that of the dense weight; NaN for a weight of zeros).

    Example:
        >>> savings_table([Saving("a", 4, 1.0, 1.0, 4.0), Saving("b", 4, 4.0, 0.0, 12.0)])
          layer  n_weights  n_stored  saved  relative_error
        0     a          4       1.0  0.750            0.50
        1     b          4       4.0  0.000            0.00
        2   all          8       5.0  0.375            0.25
    """
    table = pd.DataFrame(layers, columns=list(Saving._fields))
    table.loc[len(table)] = ["all", *table.drop(columns="layer").sum()]
    table["n_weights"] = table["n_weights"].astype("int64")
    table["saved"] = 1 - table["n_stored"] / table["n_weights"]
    table["relative_error"] = (table.pop("lost") / table.pop("energy")) ** 0.5
    return table
