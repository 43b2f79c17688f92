"""Runs the forward pass in the precision that a config names, on any device."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from htl_monai.networks.channels_last import channels_last_format

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def fastest_precision(device: str | torch.device) -> str:
    """Return ``bf16`` where the device computes it, else ``fp32``.

    A CPU without bf16 instructions (AVX-512 BF16 or AMX) emulates them: a U-Net's training was measured at a quarter
    of the speed of fp32 there, where a CPU that has them runs it 1.6 times as fast.
    """
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    # Private in torch, and the only place that tells; a torch without them gets the precision that works everywhere.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bf16" if any(getattr(torch.cpu, name, bool)() for name in checks) else "fp32"


class PrecisionInferer(Inferer):
    """Infer in fp32 or bf16 autocast and return float32.

    MONAI's ``amp`` switch names the CUDA device in its autocast, so it does nothing on a CPU; an inferer is the one
    place that training, validation, mining and prediction share.

    The autocast region is opened anew for each forward pass: its cache holds the weights as bf16, and weights pruned
    in place within one region would keep the dense copy.

    Args:
        precision: ``fp32`` or ``bf16``.
        channels_last: bring images and volumes to channels-last.

    Raises:
        ValueError: ``precision`` is another name.
    """

    def __init__(self, precision: str = "fp32", channels_last: bool = True) -> None:
        super().__init__()
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}; choose one of them")
        self.precision = precision
        self.channels_last = channels_last

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Return ``network(inputs)`` as float32, for any shape and further inputs that the network takes."""
        if self.channels_last and inputs.ndim in (4, 5):
            inputs = inputs.contiguous(memory_format=channels_last_format(inputs))
        dtype = PRECISIONS[self.precision]
        with torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype is not torch.float32):
            return network(inputs, *args, **kwargs).float()
