"""Convolves and rectifies in one pass over the memory, on a CPU."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["RectifiedConv"]

_KINDS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class RectifiedConv(nn.Module):
    """Compute ``conv(images).relu()``, with the same numbers, by oneDNN's convolution that ends in a ReLU.

    Of a small network half of the time of a pass goes into reading and writing what a ReLU changes.

    Args:
        conv: a convolution of :meth:`takes`; its parameters become this module's.
    """

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        conv = cast(nn.Conv2d, conv)
        self.weight, self.bias = conv.weight, conv.bias
        self.settings = (list(map(int, conv.padding)), list(conv.stride), list(conv.dilation), conv.groups)

    @staticmethod
    def takes(conv: nn.Module) -> bool:
        """Return whether there is such a kernel for a layer, its device and its precision."""
        if type(conv) not in _KINDS or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
            return False
        if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
            return False
        dtypes = [torch.float32]
        if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # of this processor
            dtypes.append(torch.bfloat16)
        return conv.weight.device.type == "cpu" and conv.weight.dtype in dtypes

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            images, self.weight, self.bias, *self.settings, "relu", [], ""
        )
        return result
