"""Copies a network for inference: batch normalisations folded into their convolutions, weights in one precision."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from htl_monai.networks.conv_bn_pairs import conv_bn_pairs

__all__ = ["FoldedCopy"]


class FoldedCopy(nn.Module):
    """Return what ``network`` returns, up to rounding, at less cost; the network is left alone.

    Args:
        network: in eval mode, as it will be run.
        dtype: what the copy computes in. Its float32 weights become this, and so does each float32 input; batch
            normalisations that are not folded keep their statistics.
        varying: names of weights that :meth:`fold` will read anew.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()
        >>> FoldedCopy(network, torch.float32).network
        Sequential(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
          (1): Identity()
          (2): ReLU()
        )
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, varying: Iterable[str] = ()) -> None:
        super().__init__()
        self._source = (network,)  # in a tuple: not a part of this module
        self.dtype = dtype
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._pairs = dict(conv_bn_pairs(self.network))
        for conv, norm in self._pairs.items():
            folded = self.network.get_submodule(conv)
            folded.weight, folded.bias = self._fused(conv)
            parent, _, name = norm.rpartition(".")
            setattr(self.network.get_submodule(parent), name, nn.Identity())
        for module in self.network.modules():
            if not isinstance(module, _BatchNorm):
                _cast(module, dtype)
        self._varying = {name: self.network.get_parameter(name) for name in varying}

    def fold(self) -> dict[str, Tensor]:
        """Return the weights ``varying`` as the network holds them now, folded, for :meth:`use`."""
        weights = {}
        for name in self._varying:
            layer = name.rpartition(".")[0]
            weight = self._fused(layer)[0] if layer in self._pairs else self._source[0].get_parameter(name)
            weights[name] = weight.detach().to(self.dtype if weight.dtype == torch.float32 else weight.dtype, copy=True)
        return weights

    def use(self, weights: Mapping[str, Tensor]) -> None:
        """Compute with these weights from now on; nothing is copied."""
        for name, parameter in self._varying.items():
            parameter.data = weights[name]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        device = next(self.network.parameters()).device.type
        with torch.autocast(device, enabled=False):
            return self.network(*map(self._as_computed, args), **{k: self._as_computed(v) for k, v in kwargs.items()})

    def _as_computed(self, value: Any) -> Any:
        return value.to(self.dtype) if isinstance(value, Tensor) and value.dtype == torch.float32 else value

    def _fused(self, name: str) -> tuple[nn.Parameter, nn.Parameter]:
        network = self._source[0]
        conv = cast(nn.Conv2d, network.get_submodule(name))
        norm = cast(nn.BatchNorm2d, network.get_submodule(self._pairs[name]))
        weight, bias = fuse_conv_bn_weights(
            conv.weight.detach(),
            conv.bias,
            cast(Tensor, norm.running_mean),
            cast(Tensor, norm.running_var),
            norm.eps,
            norm.weight,
            norm.bias,
            transpose=conv.transposed,
        )
        return weight.requires_grad_(False), bias.requires_grad_(False)


def _cast(module: nn.Module, dtype: torch.dtype) -> None:
    for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
        if tensor.dtype == torch.float32:
            tensor.data = tensor.data.to(dtype)
