"""Reads and writes files of tensors; what is wrong with one that came from anywhere is one sentence."""

from __future__ import annotations

import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from htl_monai.data.files import write_atomically

# Under these keys MONAI, torchvision's references and others keep the weights of a checkpoint.
_WEIGHTS = ("model", "state_dict")


def save_tensors(content: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a mapping of tensors and plain values with ``torch.save``, atomically."""
    return write_atomically(path, lambda temporary: _save(dict(content), temporary))


def load_tensors(path: str | os.PathLike[str], map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what :func:`save_tensors` wrote, with ``weights_only`` so that a file can run no code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or no checkpoint, holds more than tensors and plain values, or a tensor in it is
            not finite: a network with such weights finds nothing, and says so of every picture.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist; run the stage that writes it or correct the path")
    try:
        _check_archive(Path(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own formats
            content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} cannot be read as tensors: {_reason(error)}; give a file of a network's state_dict"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"checkpoint {path} must hold a state_dict, got {type(content).__name__}; give one of weights")
    for name, tensor in _tensors(content):
        fault = _fault(tensor)
        if fault:
            raise ValueError(
                f"checkpoint {path} must hold {fault} in {name}; give one of a training that converged, or train anew"
            )
    return content


def read_state(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a network's ``state_dict`` from a file that holds one, by itself or under ``model`` or ``state_dict``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see :func:`load_tensors`; or something other than a tensor stands among the weights.
    """
    content = load_tensors(path)
    state = next((content[key] for key in _WEIGHTS if isinstance(content.get(key), Mapping)), content)
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"checkpoint {path} must hold tensors by name, got {type(value).__name__} under {name!r:.80}; "
                "give a file of a network's state_dict"
            )
    return dict(state)


def _save(content: dict[str, Any], path: Path) -> None:
    # Through a Python file: torch's own writer reports a full disk without saying that it is one.
    with path.open("wb") as file:
        torch.save(content, file)


def _check_archive(path: Path) -> None:
    """Refuse an archive that grows on being read (``torch.save`` compresses nothing), or whose bytes have changed.

    ``torch.load`` compares no check sums: it would return changed weights without a word.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > path.stat().st_size or archive.testzip() is not None:
            raise zipfile.BadZipFile


def _reason(error: Exception) -> str:
    """Say in our words why a file was refused: torch's advise to read it in a way that can run its code."""
    if isinstance(error, OSError) and error.filename is not None:
        return str(error.strerror)
    if isinstance(error, pickle.UnpicklingError) and re.search("GLOBAL|[Uu]nsupported (global|class)", str(error)):
        return "it holds more than tensors and plain values, which would run as code"
    if "TorchScript" in str(error):
        return "it is a TorchScript archive"
    return "it is damaged, or torch.save did not write it"


def _tensors(content: Any) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested containers with their dotted names, each container once."""
    waiting, seen = [("", content)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, (Mapping, list, tuple, set)) and id(value) not in seen:
            seen.add(id(value))
            parts = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += reversed([(f"{name}.{key}" if name else str(key), part) for key, part in parts])


def _fault(tensor: Tensor) -> str:
    """Say what a tensor must be and is not; empty where it can be used."""
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
    if not plain or tensor.is_quantized or tensor.is_meta:
        return "plain tensors, got one of another kind"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "every number of its tensors, got fewer"
    if tensor.is_floating_point() and not torch.isfinite(tensor.float() if tensor.itemsize == 1 else tensor).all():
        return "finite numbers, got NaN or infinity"
    return ""
