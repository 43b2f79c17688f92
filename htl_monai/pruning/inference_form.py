"""Stands in for a network that is run at many levels of compression, as fast as inference allows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from htl_monai.networks.folded_copy import FoldedCopy

__all__ = ["InferenceForm"]

_KEPT_BYTES = 512 * 2**20
# How far the folded copy's output may be from the network's, relative to its norm; 0.05 in 16 bits.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}


class InferenceForm(nn.Module):
    """Run a folded copy of a network, compressed to a level, where that is the same; else the network itself.

    Inside autocast the copy holds its weights in autocast's precision and computes in it throughout, see
    :class:`~htl_monai.networks.folded_copy.FoldedCopy`. The first call runs the network too, at the middle level. Where
    the copy fails or returns something else (its code may use the weights of the network that it was copied from), and
    where the network is in training mode, has hooks, or is wrapped, compiled or scripted, the network itself runs,
    compressed in place; ``reason`` and the log say why.

    Args:
        network: the dense network.
        weights: the weights by name that differ from level to level.
        levels: the levels that will be asked for. The folded weights of all are kept where they take 512 MiB or less,
            else those of one.
        compressed: ``with compressed(level): …`` compresses the network in place.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: Mapping[str, nn.Parameter],
        levels: Sequence[float],
        compressed: Callable[[float], AbstractContextManager[Any]],
    ) -> None:
        super().__init__()
        self._source = (network,)  # in a tuple: not a part of this module
        self._weights, self._levels, self._compressed = weights, sorted(levels), compressed
        self._stamps = self._current_stamps()
        self._level: float | None = None
        self._used: float | None = None
        self._kept: dict[float, dict[str, Tensor]] = {}
        self.folded: FoldedCopy | None = None
        self.reason = _obstacle(network)

    @contextmanager
    def at(self, level: float) -> Iterator[InferenceForm]:
        """Yield this, to be called at ``level`` inside the block."""
        self._level = level
        try:
            yield self
        finally:
            self._level = None

    def is_current(self) -> bool:
        """Return whether what is not compressed (statistics, biases, hooks, modes) is as it was."""
        return self._stamps == self._current_stamps()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self._level is None:
            raise RuntimeError("the network of a sweep must be called inside its block, got a call after it; move it")
        if not self.reason:
            output = self._folded_output(self._level, args, kwargs)
            if not self.reason:
                return output
        with self._compressed(self._level):
            return self._source[0](*args, **kwargs)

    def _folded_output(self, level: float, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        dtype = _computed_in(next(iter(self._weights.values())))
        if self.folded is None or self.folded.dtype != dtype:
            self._fold_and_compare(dtype, args, kwargs)
        return None if self.folded is None else self._run(level, args, kwargs)

    def _fold_and_compare(self, dtype: torch.dtype, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._kept, self._used = {}, None
        level = self._levels[len(self._levels) // 2]
        with self._compressed(level):
            expected = self._source[0](*args, **kwargs)
        try:
            with torch.inference_mode(False), torch.no_grad():
                self.folded = FoldedCopy(self._source[0], dtype, self._weights)
            if not _agree(expected, self._run(level, args, kwargs), _TOLERANCE.get(dtype, 0.05)):
                self.reason = "its folded copy returns something else"
        except Exception as error:  # whatever the code of the network raises in another precision
            self.reason = f"its folded copy fails with {type(error).__name__}: {error}"
        if self.reason:
            self.folded, self._kept = None, {}
            logging.getLogger(__name__).warning("the network runs unfolded, because %s", self.reason)

    def _run(self, level: float, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        assert self.folded is not None
        if self._used != level:
            self.folded.use(self._kept.get(level) or self._folded_weights(self.folded, level))
            self._used = level
        return self.folded(*args, **kwargs)

    def _folded_weights(self, folded: FoldedCopy, level: float) -> dict[str, Tensor]:
        with torch.inference_mode(False), torch.no_grad(), self._compressed(level):
            weights = folded.fold()
        if len(self._levels) * sum(weight.nbytes for weight in weights.values()) <= _KEPT_BYTES:
            self._kept[level] = weights
        return weights

    def _current_stamps(self) -> list[Any]:
        network, varying = self._source[0], {id(weight) for weight in self._weights.values()}
        tensors = [one for one in (*network.parameters(), *network.buffers()) if id(one) not in varying]
        stamps: list[Any] = [(id(one), one.data_ptr(), one._version) for one in tensors]
        return [*stamps, _obstacle(network)]


def _obstacle(network: nn.Module) -> str:
    """Return why a network cannot be copied and folded; "" where it can."""
    for name, module in network.named_modules():
        here = name or "it"
        if module.training:
            return f"{here} is in training mode"
        if module._forward_hooks or module._forward_pre_hooks:
            return f"{here} has hooks"
        if getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod"):
            return f"{here} is compiled"
        if isinstance(module, (torch.jit.ScriptModule, nn.DataParallel, nn.parallel.DistributedDataParallel)):
            return f"{here} is scripted or wrapped"
    return ""


def _computed_in(weight: Tensor) -> torch.dtype:
    """Return the precision of a layer with this weight: autocast's, inside autocast and of float32 weights."""
    device = weight.device.type
    autocast = weight.dtype == torch.float32 and torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if autocast else weight.dtype


def _agree(expected: Any, found: Any, tolerance: float) -> bool:
    """Return whether two outputs, tensors in lists and mappings, are the same up to rounding."""
    if isinstance(expected, Tensor) and isinstance(found, Tensor):
        if expected.shape != found.shape or type(expected) is not type(found):
            return False
        difference = torch.linalg.vector_norm(expected.float() - found.float())
        return bool(difference <= tolerance * torch.linalg.vector_norm(expected.float()))
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(_agree(expected[k], found[k], tolerance) for k in expected)
    if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        pairs = list(zip(expected, found, strict=False))
        return len(expected) == len(found) and all(_agree(*pair, tolerance) for pair in pairs)
    return bool(expected is found is None)
