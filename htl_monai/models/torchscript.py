"""Reads TorchScript files: a network that runs without its source, and the metadata that were exported with it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from monai.transforms import LoadImage
from torch import Tensor, nn

__all__ = ["of_two_values", "read_label", "read_torchscript", "torchscript_config"]


def read_torchscript(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network on the CPU, and its ``metadata.json``; the configs in the file are left alone: they are code.

    Raises:
        ValueError: the file is damaged, or no TorchScript.
    """
    extra = {"metadata.json": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of its own formats
            network = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        metadata = json.loads(extra["metadata.json"] or "{}")
    except Exception as error:  # torch reports a damaged file by errors of many kinds
        raise ValueError(f"model must be a TorchScript file, got {path}, which cannot be read as one") from error
    return network, metadata if isinstance(metadata, dict) else {}


def torchscript_config() -> dict[str, Any]:
    """Return configs that load an image as it is stored, a label by its classes, and run the network on the whole."""
    names = ("LoadImaged", "EnsureChannelFirstd", "EnsureTyped")
    steps: list[dict[str, Any]] = [{"_target_": name, "keys": "image"} for name in names]
    steps.append({"_target_": "Lambdad", "keys": "label", "func": read_label})
    return {
        "preprocessing": {"_target_": "Compose", "transforms": steps},
        "inferer": {"_target_": "SimpleInferer"},
    }


def read_label(label: Any) -> Any:
    """Return the mask in a file, channel first; a label that is no file, such as a class, as it is."""
    return of_two_values(LoadImage(ensure_channel_first=True)(label)) if isinstance(label, str) else label


def of_two_values(label: Tensor) -> Tensor:
    """Return a mask of 0 and 255, as pictures hold it, as 0 and 1; any other label as it is.

    Example:
        >>> of_two_values(torch.tensor([0, 255, 0])).tolist(), of_two_values(torch.tensor([0, 2, 255])).tolist()
        ([0, 1, 0], [0, 2, 255])
    """
    drawn = label == 255
    return drawn.to(label.dtype) if bool((drawn | (label == 0)).all()) else label
