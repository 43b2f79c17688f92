"""Saves and loads the weights of a network, with one clear sentence when a file belongs to another network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from htl_monai.data.files import write_atomically
from htl_monai.networks.wrapping import unwrapped

__all__ = ["fit_state", "load_tensors", "load_weights", "save_tensors", "save_weights"]


def save_weights(network: nn.Module, path: str | os.PathLike[str]) -> Path:
    """Write the plain ``state_dict`` of ``network``, contiguous and on the CPU, atomically."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in unwrapped(network).state_dict().items()}
    return save_tensors(state, path)


def save_tensors(content: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a mapping of tensors and plain values with ``torch.save``, atomically."""
    return write_atomically(path, lambda temporary: _save(dict(content), temporary))


def load_tensors(path: str | os.PathLike[str], map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what :func:`save_tensors` wrote, with ``weights_only`` so that a file can run no code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no checkpoint, or holds more than tensors and plain values.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist; run the stage that writes it or correct the path")
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"checkpoint {path} cannot be read as tensors ({reason}); give a file of weights") from error
    if not isinstance(content, dict):
        raise ValueError(f"checkpoint {path} must hold a state_dict, got {type(content).__name__}; give one of weights")
    return content


def load_weights(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load the weights in ``path`` into ``network``; nothing is changed unless every one of them fits.

    Args:
        network: the network that the weights belong to, wrapped for several processes or not.
        path: a ``state_dict``, or a mapping that holds one under ``model``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is unreadable, or its names or shapes are those of another network.
    """
    content = load_tensors(path)
    fit_state(network, content["model"] if isinstance(content.get("model"), Mapping) else content, path)


def fit_state(network: nn.Module, state: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Load a ``state_dict`` that was read from ``path`` into ``network``; nothing changes unless all of it fits.

    Raises:
        ValueError: its names or shapes are those of another network.
    """
    target = unwrapped(network)
    problem = _difference(target.state_dict(), state)
    if problem:
        raise ValueError(
            f"checkpoint {path} is of another network than {type(target).__name__}: {problem}; "
            "set the same network (network_size, features) that it was trained with"
        )
    target.load_state_dict(state)


def _save(content: dict[str, Any], path: Path) -> None:
    # Through a Python file: torch's own writer reports a full disk without saying that it is one.
    with path.open("wb") as file:
        torch.save(content, file)


def _difference(expected: Mapping[str, Tensor], found: Mapping[str, Any]) -> str:
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
