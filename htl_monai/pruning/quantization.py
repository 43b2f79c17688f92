"""Quantisation: weights and activations of few bits, simulated in floating point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from htl_monai.pruning.compressor import Compressor
from htl_monai.pruning.fake_quantization import rounded_rows
from htl_monai.pruning.matrices import matrices_to_weight, weight_to_matrices
from htl_monai.pruning.prunable import prunable_layers
from htl_monai.pruning.quantized_inputs import check_not_compiled, observed_ranges, round_inputs
from htl_monai.pruning.weight_sweep import Saving, WeightSweep, check_finite, savings_table

__all__ = ["Quantization", "QuantizationSweep", "bits_of"]

_ACTIVATIONS = ("dynamic", "static", "none")
_BITS = range(2, 17)


@dataclass(frozen=True)
class Quantization(Compressor):
    """Round the weights, and the inputs of their layers, to integers of few bits.

    The arithmetic is simulated in floats, so that the result is the same on every device and in a layer of any kind.
    What it shows is what the network forgets, not its speed.

    - Weights: symmetric, a scale for each output channel.
    - Inputs of the same layers: affine, a scale and a zero point for each tensor. ``dynamic`` takes the range of each
      image by itself where PyTorch takes that of the batch: what is said of an image must not depend on the images
      beside it. ``static`` takes the range that was observed on calibration images with the dense network.

    Biases and normalisation layers stay, as in pruning.

    Args:
        amount: fraction of the bits to save, against 32: 0.5 = 16 bits, 0.75 = 8 bits, 0.875 = 4 bits; the bits,
            ``32 (1 - amount)``, must be a whole number from 2 to 16. 0 leaves the network as it is.
        activations: ``dynamic``, ``static``, or ``none`` (weights only).
        calibration: with ``static`` the batches to observe: tensors ``(N, C, H, W)``, or what ``prepare_batch`` takes,
            such as the batches of a data loader. Under several processes every one needs the same batches.
        prepare_batch: maps ``(batch, device, non_blocking)`` to the image and more, as an evaluator's; without it a
            batch is a tensor, or holds one under ``image``.

    Raises:
        TypeError: ``amount`` is no number.
        ValueError: ``amount`` makes no whole number of bits, ``activations`` is another word, or ``calibration`` is
            missing for ``static`` or given without it.

    Example:
        >>> layer = nn.Linear(100, 1)
        >>> with Quantization(activations="none").sweep(layer, [0.9375]).at(0.9375):  # 2 bits
        ...     len(layer.weight.unique())
        3
    """

    amount: float = 0.75
    activations: str = "dynamic"
    calibration: Iterable[Any] | None = None
    prepare_batch: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        bits_of(self.amount)
        if self.activations not in _ACTIVATIONS:
            raise ValueError(
                f"activations must be one of {', '.join(_ACTIVATIONS)}, got {self.activations!r}; choose one of them"
            )
        if (self.activations == "static") != (self.calibration is not None):
            given = "none" if self.calibration is None else f"a {type(self.calibration).__name__}"
            raise ValueError(
                f"calibration must be given with static activations and only then, got {given} with "
                f"{self.activations} ones; pass batches of training images, or choose dynamic"
            )

    def sweep(self, network: nn.Module, sparsities: Sequence[float]) -> QuantizationSweep:
        """Return the sweep that quantises ``network`` to each of ``sparsities``; static ranges are observed here."""
        return QuantizationSweep(network, self, sparsities)


class QuantizationSweep(WeightSweep):
    """All bit widths of one network; see :class:`~htl_monai.pruning.WeightSweep` and its ``at``.

    Inside a block each layer's input is rounded by a forward pre-hook, which compiled code would pass by.

    Raises:
        ValueError: as :class:`~htl_monai.pruning.WeightSweep`; ``sparsities`` make no whole number of bits; a weight is
            not finite; the network is compiled; or there are no calibration images, or activations on them that are
            not finite.
    """

    def __init__(self, network: nn.Module, quantization: Quantization, sparsities: Sequence[float]) -> None:
        super().__init__(network, sparsities)
        self.quantization = quantization
        self._bits = {sparsity: bits_of(sparsity, "sparsities") for sparsity in self.sparsities}
        check_finite(self._parameters)
        self._layers = prunable_layers(network)
        self._handles: list[RemovableHandle] = []
        self._ranges: dict[str, tuple[float, float]] | None = None
        if quantization.activations != "none":
            check_not_compiled(network)
        if quantization.calibration is not None:
            self._ranges = observed_ranges(network, quantization.calibration, quantization.prepare_batch)

    def _layers_at(self, sparsity: float) -> pd.DataFrame:
        """Return the savings with ``bits``; the scale of each output channel counts as stored."""
        table = savings_table(self._saving(name, sparsity) for name in self._layers)
        table.insert(2, "bits", self._bits[sparsity])
        return table

    def _is_folded(self) -> bool:
        # The inputs of layers are rounded by hooks on the network, which a copy does not have.
        return self.folded and self.quantization.activations == "none"

    def _apply(self, sparsity: float) -> None:
        bits = self._bits[sparsity]
        for name, parameter in self._parameters.items():
            parameter.detach().copy_(self._rounded(name, bits))
        if self.quantization.activations != "none":
            self._handles += round_inputs(self.network, bits, self._ranges)

    def _undo(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        super()._undo()

    def _rounded(self, name: str, bits: int) -> Tensor:
        dense, layer = self._dense[name], self._layers[name]
        return matrices_to_weight(rounded_rows(weight_to_matrices(dense, layer), bits), dense, layer)

    def _saving(self, name: str, sparsity: float) -> Saving:
        dense, bits = self._dense[name], self._bits[sparsity]
        energy = float(dense.double().square().sum())
        if sparsity == 0:
            return Saving(name, dense.numel(), dense.numel(), 0.0, energy)
        n_groups, n_channels, _ = weight_to_matrices(dense, self._layers[name]).shape
        lost = float((self._rounded(name, bits).double() - dense.double()).square().sum())
        return Saving(name, dense.numel(), dense.numel() * bits / 32 + n_groups * n_channels, lost, energy)


def bits_of(amount: float, name: str = "amount") -> int:
    """Return the width of the integers that save ``amount`` of 32 bits; 32 at 0, which is no quantisation.

    Example:
        >>> bits_of(0.75), bits_of(0)
        (8, 32)
    """
    bits = 32 * (1 - amount)
    if amount and (abs(bits - round(bits)) > 1e-6 or round(bits) not in _BITS):
        raise ValueError(
            f"{name} must leave a whole number of bits from {_BITS[0]} to {_BITS[-1]}, got {amount} ({bits:g} bits of "
            f"32); pass 1 - bits / 32, such as 0.75 for 8 bits"
        )
    return round(bits)
