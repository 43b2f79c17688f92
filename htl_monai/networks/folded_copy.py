"""Copies a network for inference: fewer passes over the memory, weights in one precision."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from monai.data import MetaTensor
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from htl_monai.networks.channels_last import channels_last_format
from htl_monai.networks.layer_chains import layer_chains
from htl_monai.networks.rectified_conv import RectifiedConv

__all__ = ["FoldedCopy"]


class FoldedCopy(nn.Module):
    """Return what ``network`` returns, up to rounding, at less cost; the network is left alone.

    Batch normalisations are folded into their convolutions; on a CPU a ReLU that follows is part of it. Images and
    volumes are channels-last, which makes a 3D U-Net up to twice as fast by itself.

    Args:
        network: in eval mode, as it will be run.
        dtype: what the copy computes in. Its float32 weights become this, and so does each float32 input; batch
            normalisations that are not folded keep their statistics.
        varying: names of weights that :meth:`fold` will read anew.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Tanh()).eval()
        >>> FoldedCopy(network, torch.float32).network
        Sequential(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
          (1): Identity()
          (2): Tanh()
        )
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, varying: Iterable[str] = ()) -> None:
        super().__init__()
        self._source = (network,)  # in a tuple: not a part of this module
        self.dtype = dtype
        self.network = copy.deepcopy(network).requires_grad_(False)
        chains = layer_chains(self.network)
        self.norms = {chain.conv: chain.norm for chain in chains if chain.norm}
        for name, norm in self.norms.items():
            conv = self.network.get_submodule(name)
            conv.weight, conv.bias = self._fused(name)
            self._replace(norm, nn.Identity())
        for module in self.network.modules():
            if not isinstance(module, _BatchNorm):
                for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                    tensor.data = _computed_with(tensor.data, dtype)
        for name, relu in ((chain.conv, chain.relu) for chain in chains if chain.relu):
            conv = self.network.get_submodule(name)
            if RectifiedConv.takes(conv):
                self._replace(name, RectifiedConv(conv))
                self._replace(relu, nn.Identity())
        self._varying = {name: self.network.get_parameter(name) for name in varying}

    def fold(self) -> dict[str, Tensor]:
        """Return the weights ``varying`` as the network holds them now, folded, for :meth:`use`."""
        weights = {}
        for name in self._varying:
            layer = name.rpartition(".")[0]
            weight = self._fused(layer)[0] if layer in self.norms else self._source[0].get_parameter(name)
            weights[name] = _computed_with(weight.detach(), self.dtype, copied=True)
        return weights

    def use(self, weights: Mapping[str, Tensor]) -> None:
        """Compute with these weights from now on; nothing is copied."""
        for name, parameter in self._varying.items():
            parameter.data = weights[name]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        inputs, named = (
            [self._as_computed(value) for value in args],
            {k: self._as_computed(v) for k, v in kwargs.items()},
        )
        with torch.autocast(next(self.network.parameters()).device.type, enabled=False):
            output = self.network(*inputs, **named)
        described = [value for value in (*args, *kwargs.values()) if isinstance(value, MetaTensor)]
        return _described(output, described[0]) if described else output

    def _as_computed(self, value: Any) -> Any:
        value = value.as_tensor() if isinstance(value, MetaTensor) else value
        return _computed_with(value, self.dtype) if isinstance(value, Tensor) else value

    def _replace(self, name: str, module: nn.Module) -> None:
        parent, _, child = name.rpartition(".")
        setattr(self.network.get_submodule(parent), child, module)

    def _fused(self, name: str) -> tuple[nn.Parameter, nn.Parameter]:
        network = self._source[0]
        conv = cast(nn.Conv2d, network.get_submodule(name))
        norm = cast(nn.BatchNorm2d, network.get_submodule(self.norms[name]))
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        weight, bias = fuse_conv_bn_weights(
            conv.weight.detach(), conv.bias, mean, variance, norm.eps, norm.weight, norm.bias, transpose=conv.transposed
        )
        return nn.Parameter(weight, requires_grad=False), nn.Parameter(bias, requires_grad=False)


def _computed_with(tensor: Tensor, dtype: torch.dtype, copied: bool = False) -> Tensor:
    """Return a tensor in ``dtype`` where it is float32, and channels-last where it has images or volumes."""
    dtype = dtype if tensor.dtype == torch.float32 else tensor.dtype
    return tensor.to(dtype, memory_format=channels_last_format(tensor), copy=copied)


def _described(output: Any, image: MetaTensor) -> Any:
    """Give tensors, in lists and mappings, the metadata of an image, as the network would have."""
    if isinstance(output, Tensor):
        return MetaTensor(output).copy_meta_from(image)
    if isinstance(output, Mapping):
        return {key: _described(value, image) for key, value in output.items()}
    return type(output)(_described(value, image) for value in output) if isinstance(output, (list, tuple)) else output
