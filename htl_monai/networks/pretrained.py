"""Starts a network from weights of the same network with other classes."""

from __future__ import annotations

import logging
import os

from torch import nn

from htl_monai.networks.tensor_file import read_state
from htl_monai.networks.weights import fit_state
from htl_monai.networks.wrapping import unwrapped

_logger = logging.getLogger(__name__)


def load_pretrained(network: nn.Module, path: str | os.PathLike[str] | None, head: str | None = None) -> nn.Module:
    """Load weights from a local file into ``network``, all but a head of another shape, and return the network.

    Weights trained for other classes (ImageNet has 1,000) fit everywhere but in the last linear layer, which then keeps
    its fresh weights; the log names what was left out. Nothing else may differ.

    Args:
        path: a ``state_dict``, or a mapping that holds one under ``model`` or ``state_dict``; None leaves the network
            as it is. The file is read as plain tensors and can run no code.
        head: dotted name of the layer that may differ; None for the last linear layer of the network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is unreadable, not finite or of another network, or the network has no such layer.
    """
    if path is None:
        return network
    target = unwrapped(network)
    own, found = target.state_dict(), read_state(path)
    name = _last_linear(target) if head is None else head
    if f"{name}.weight" not in own:
        raise ValueError(f"head must be a layer of {type(target).__name__} with weights, got {name}; give its name")
    # Files older than torch 0.4.1 do not count the batches that batch norm has seen.
    state = {key: tensor for key, tensor in own.items() if key.endswith("num_batches_tracked")} | found
    heads = [key for key in (f"{name}.weight", f"{name}.bias") if key in own]
    fresh = [key for key in heads if key not in state or state[key].shape != own[key].shape]
    for key in fresh:
        _logger.info(f"{key} of {path} does not fit and keeps its fresh weights of shape {tuple(own[key].shape)}.")
    fit_state(network, state | {key: own[key] for key in fresh}, path)
    return network


def _last_linear(network: nn.Module) -> str:
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise ValueError(f"head must be named, {type(network).__name__} has no linear layer; give the layer's name")
    return names[-1]
