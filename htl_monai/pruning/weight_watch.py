"""Finds weights whose numbers are not those of a copy, at a small part of the cost of a forward pass."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["WeightWatch"]


class WeightWatch:
    """Compare weights, which keep their storage, with copies of them, again and again.

    A tensor's version tells of a change in place at no cost, but not of one through ``weight.data``; only the numbers
    tell of that. On a CPU the memory is compared in words of 64 bits; elsewhere all weights together, with a few
    kernels and one wait for the device.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(3))
        >>> watch = WeightWatch({"weight": weight}, {"weight": weight.detach().clone()})
        >>> _ = weight.data.mul_(2)
        >>> weight._version, watch.changed()
        (0, ['weight'])
    """

    def __init__(self, weights: Mapping[str, Tensor], copies: Mapping[str, Tensor]) -> None:
        self.names = list(weights)
        pairs = [_comparable(weights[name].detach(), copies[name]) for name in self.names]
        self._weights, self._copies = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        self._on_cpu = all(weight.device.type == "cpu" for weight in self._weights)

    def changed(self) -> list[str]:
        """Return the names of the weights that differ from their copies in any number."""
        if self._on_cpu:
            pairs = zip(self.names, self._weights, self._copies, strict=True)
            return [name for name, weight, copy in pairs if not torch.equal(weight, copy)]
        return self._changed_together()

    def _changed_together(self) -> list[str]:
        differences = torch._foreach_sub(self._weights, self._copies)
        largest = torch._foreach_norm(differences, float("inf"))
        flags = torch.stack([norm.float() != 0 for norm in largest]).tolist()
        return [name for name, flag in zip(self.names, flags, strict=True) if flag]


def _comparable(weight: Tensor, copy: Tensor) -> tuple[Tensor, Tensor]:
    """Return two tensors of one memory as rows of 64-bit words, half as many as numbers, where they can be."""
    if weight.device.type != "cpu" or weight.stride() != copy.stride():
        return weight, copy
    flat = [_flat(tensor) for tensor in (weight, copy)]
    words = [row.view(torch.int64) for row in flat if row is not None and _is_aligned(row)]
    return (words[0], words[1]) if len(words) == 2 else (weight, copy)


def _is_aligned(row: Tensor) -> bool:
    return int(row.nbytes) % 8 == 0 and int(row.storage_offset()) * row.element_size() % 8 == 0


def _flat(tensor: Tensor) -> Tensor | None:
    if tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.view(-1) if tensor.is_contiguous() else None
