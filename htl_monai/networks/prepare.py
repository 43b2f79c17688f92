"""Puts a network on its device in the memory layout, and optionally the compiled form, that a config asks for."""

from __future__ import annotations

import torch
from torch import nn

from htl_monai.networks.channels_last import channels_last_format
from htl_monai.networks.memory import keep_freed_memory


def prepare_network(
    network: nn.Module, device: str | torch.device, channels_last: bool = True, compiled: bool = False
) -> nn.Module:
    """Return ``network`` on ``device``, the same object with the same ``state_dict`` keys.

    On a CPU the process also keeps the memory of activations from pass to pass.

    Args:
        channels_last: store the weights of 2D and 3D convolutions channels-last, which is what bf16 kernels of CPU and
            GPU work on without reordering.
        compiled: compile the forward pass in place with ``torch.compile``. It helps fp32; measure before using it
            with bf16 on a CPU.
    """
    network = network.to(device)
    if torch.device(device).type == "cpu":
        keep_freed_memory()
    if channels_last:
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.data = tensor.data.to(memory_format=channels_last_format(tensor))
    if compiled:
        network.compile()
    return network
