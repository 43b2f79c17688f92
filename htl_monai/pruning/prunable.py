"""Decides which parameters of a network are pruned."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from htl_monai.networks.wrapping import unwrapped

__all__ = ["PRUNABLE_LAYERS", "prunable_layers", "prunable_parameters"]

PRUNABLE_LAYERS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)
_NAMES = tuple(kind.__name__ for kind in PRUNABLE_LAYERS)


def prunable_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights that pruning may remove: of every convolution, transposed convolution and linear layer.

    Biases and normalisation layers stay, as in Attend Who is Weak; a filter on ``Conv2d`` alone would miss the
    up-convolutions of a U-Net. A parameter that two layers share is listed once, under its first name. Wrappers are
    looked through. The layers of a TorchScript file count by the names of their classes.

    Returns:
        Parameters by their name in the network's ``state_dict``, in the order of ``named_modules``.

    Raises:
        ValueError: the network has no such weight, or a weight is computed from others (``torch.nn.utils.prune``,
            ``parametrize``, ``weight_norm``), so that a change in place would be lost.

    Example:
        >>> list(prunable_parameters(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())))
        ['0.weight']
    """
    return {name: cast(nn.Parameter, layer.weight) for name, layer in prunable_layers(network).items()}


def prunable_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return the layers that own the weights of :func:`prunable_parameters`, by the name of the weight."""
    network = unwrapped(network)
    layers: dict[str, nn.Module] = {}
    seen: set[int] = set()
    for layer_name, layer in network.named_modules():
        scripted = isinstance(layer, torch.jit.ScriptModule) and layer.original_name in _NAMES
        if not (scripted or isinstance(layer, PRUNABLE_LAYERS)):
            continue
        name = f"{layer_name}.weight" if layer_name else "weight"
        if not (scripted or isinstance(layer.weight, nn.Parameter)):
            raise ValueError(
                f"network must hold its weights as plain parameters, got the computed weight {name}; "
                "remove the parametrization first (torch.nn.utils.prune.remove or parametrize.remove_parametrizations)"
            )
        if id(layer.weight) not in seen:
            seen.add(id(layer.weight))
            layers[name] = layer
    if not layers:
        raise ValueError(
            f"network must have a convolution or linear layer, got none in {type(network).__name__}; "
            "pass the network that was trained"
        )
    return layers
