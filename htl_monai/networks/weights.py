"""Saves and loads the weights of a network, with one clear sentence when a file belongs to another network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from htl_monai.networks.tensor_file import read_state, save_tensors
from htl_monai.networks.wrapping import unwrapped


def save_weights(network: nn.Module, path: str | os.PathLike[str]) -> Path:
    """Write the plain ``state_dict`` of ``network``, contiguous and on the CPU, atomically."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in unwrapped(network).state_dict().items()}
    return save_tensors(state, path)


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load the weights in ``path`` into ``network``; nothing is changed unless every one of them fits.

    Args:
        network: the network that the weights belong to, wrapped for several processes or not.
        path: a ``state_dict``, or a mapping that holds one under ``model`` or ``state_dict``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is unreadable, its names or shapes are those of another network, or a weight or statistic
            is not finite.
    """
    fit_state(network, read_state(path), path)


def fit_state(network: nn.Module, state: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Load a ``state_dict`` that was read from ``path`` into ``network``; nothing changes unless all of it fits.

    Raises:
        ValueError: its names or shapes are those of another network, or its numbers are none that a training leaves.
    """
    target = unwrapped(network)
    expected = target.state_dict()
    problem = _difference(expected, state)
    if problem:
        raise ValueError(
            f"checkpoint {path} is of another network than {type(target).__name__}: {problem}; "
            "set the same network (network_size, features) that it was trained with"
        )
    for name, tensor in expected.items():
        fault = _fault(name, state[name], tensor.dtype)
        if fault:
            raise ValueError(
                f"checkpoint {path} must hold {fault} in {name}; give one of a training that converged, or train anew"
            )
    target.load_state_dict(state)


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Say in a few words how two state dicts differ; empty when they fit."""
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    if missing or unexpected:
        example = f"{(missing or unexpected)[0]} is {'missing' if missing else 'not known'}"
        return f"{len(missing)} weights are missing and {len(unexpected)} are unexpected (first: {example})"
    for name, tensor in expected.items():
        if tuple(tensor.shape) != tuple(found[name].shape):
            return f"{name} has shape {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
    return ""


def _fault(name: str, tensor: Tensor, dtype: torch.dtype) -> str:
    """Say what a tensor must be and is not; empty where the network can take it as a ``dtype``."""
    if tensor.is_complex() or (dtype.is_floating_point and not tensor.is_floating_point()):
        return f"numbers like {_kind(dtype)}, got {_kind(tensor.dtype)}"
    if not torch.isfinite(tensor.to(dtype)).all():
        return f"numbers that {_kind(dtype)} can hold, got larger ones"
    if name.endswith("running_var") and (tensor < 0).any():
        return "variances of at least 0, got a negative one"
    return ""


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
