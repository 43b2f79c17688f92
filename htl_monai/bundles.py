"""Finds bundles, overlays and trained models, in the source tree or in the installed package."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["TrainedModel", "find_bundle", "find_model", "find_overlay"]

_PACKAGE = Path(__file__).parent
# A wheel carries bundle/ and configs/ inside the package; the source tree has them beside it.
_ROOTS = (_PACKAGE, _PACKAGE.parent)
_DESCRIBING = ("network_size", "features", "spatial_size")


def find_bundle(name: str) -> Path:
    """Return the folder of a bundle.

    Args:
        name: the bundle's name, such as ``lesion_localization``, or the path of any bundle's folder.

    Raises:
        FileNotFoundError: there is no such bundle; those that exist are named.
    """
    for folder in (Path(name), *(root / "bundle" / name for root in _ROOTS)):
        if (folder / "configs").is_dir():
            return folder.resolve()
    known = sorted(path.parent.name for root in _ROOTS for path in root.glob("bundle/*/configs"))
    raise FileNotFoundError(f"bundle must be one of {', '.join(known)} or a bundle's folder, got {name!r}; check it")


def find_overlay(name: str) -> Path:
    """Return a config file: a path, or a name below ``configs/`` such as ``settings/cpu.json``.

    Raises:
        FileNotFoundError: there is no such file; those that come with the package are named.
    """
    for path in (Path(name), *(root / "configs" / name for root in _ROOTS)):
        if path.is_file():
            return path.resolve()
    known = sorted(str(path.relative_to(root / "configs")) for root in _ROOTS for path in root.glob("configs/*/*.json"))
    raise FileNotFoundError(f"overlay must be a JSON file or one of {', '.join(known)}, got {name!r}; check it")


@dataclass(frozen=True)
class TrainedModel:
    """A checkpoint and what it needs to be run.

    Args:
        bundle: the bundle's folder.
        weights: the checkpoint.
        entries: the config entries that describe its network and input, where they are known.
    """

    bundle: Path
    weights: Path
    entries: dict[str, Any]


def find_model(model: str | os.PathLike[str]) -> TrainedModel:
    """Find a trained model by bundle, run or checkpoint.

    A checkpoint of a run is described by the ``provenance.json`` beside it, that of a bundle by its inference config;
    any other is taken to be of the network that ``lesion_localization`` ships.

    Args:
        model: a bundle's name or folder (its ``models/model.pt``), a run's folder (its dense network), or a checkpoint.

    Raises:
        FileNotFoundError: there is no such model.
    """
    path = Path(model)
    if path.is_dir() and (path / "training" / "dense.pt").is_file():
        path = path / "training" / "dense.pt"
    if path.is_file():
        own = path.resolve().parent.parent
        bundle = own if (own / "configs").is_dir() else find_bundle("lesion_localization")
        provenance = path.parent / "provenance.json"
        record = json.loads(provenance.read_text(encoding="utf-8"))["config"] if provenance.is_file() else {}
    else:
        try:
            bundle, record = find_bundle(str(model)), {}
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"model must be a bundle's folder or a checkpoint, got {model}; check the path, or give a run's folder"
            ) from error
        path = bundle / "models" / "model.pt"
        if not path.is_file():
            raise FileNotFoundError(f"model must come with {path}; train the bundle, or give a checkpoint")
    if not {*_DESCRIBING} & record.keys():
        record = json.loads((bundle / "configs" / "inference.json").read_text(encoding="utf-8"))
    return TrainedModel(bundle, path.resolve(), {key: record[key] for key in _DESCRIBING if key in record})
