"""Reads TorchScript files: a network that runs without its source, and the metadata that were exported with it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

__all__ = ["read_torchscript", "torchscript_config"]


def read_torchscript(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network on the CPU, and its ``metadata.json``; the configs in the file are left alone: they are code.

    Raises:
        ValueError: the file is damaged, or no TorchScript.
    """
    extra = {"metadata.json": ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        metadata = json.loads(extra["metadata.json"] or "{}")
    except Exception as error:  # torch reports a damaged file by errors of many kinds
        raise ValueError(f"model must be a TorchScript file, got {path}, which cannot be read as one") from error
    return network, metadata if isinstance(metadata, dict) else {}


def torchscript_config() -> dict[str, Any]:
    """Return configs that load image and label as they are stored, and run the network on the whole image."""
    keys = ["image", "label"]
    steps = ({"_target_": "LoadImaged"}, {"_target_": "EnsureChannelFirstd"}, {"_target_": "EnsureTyped"})
    return {
        "preprocessing": {"_target_": "Compose", "transforms": [{**step, "keys": keys} for step in steps]},
        "inferer": {"_target_": "SimpleInferer"},
    }
