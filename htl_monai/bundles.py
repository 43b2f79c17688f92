"""Finds bundles, overlays and trained models, in the source tree or in the installed package."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["TrainedModel", "find_bundle", "find_model", "find_overlay"]

_PACKAGE = Path(__file__).parent
# A wheel carries bundle/ and configs/ inside the package; the source tree has them beside it.
_ROOTS = (_PACKAGE, _PACKAGE.parent)
# Entries of a config that tell what network the weights are of, and how its heat maps are made.
_NETWORK = ("network_size", "features", "feature_channels", "hidden_channels", "spatial_size")
_HEAT_MAPS = ("cam_method", "cam_layer", "cam_threshold")
# These say what is in an image, and not where: nothing can be localized, or scored against a mask.
_CLASSIFIERS = ("chest_xray_long_tail",)
# Runs whose record names no bundle are older than the others.
_FIRST_BUNDLE = "lesion_localization"


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
        heat_maps: the config entries of the heat maps that it was mined or is shipped with, which may be replaced.
        data: the data list of the run that it comes from, or None.
    """

    bundle: Path
    weights: Path
    entries: dict[str, Any]
    heat_maps: dict[str, Any] = field(default_factory=dict)
    data: Path | None = None


def find_model(model: str | os.PathLike[str]) -> TrainedModel:
    """Find a trained model by bundle, run or checkpoint.

    A checkpoint of a run is described by the ``provenance.json`` beside it, which names the bundle, that of a bundle by
    its inference config; any other is taken to be of the network that ``lesion_localization`` ships.

    Args:
        model: a bundle's name or folder (its ``models/model.pt``), a run's folder (its dense network), or a checkpoint.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: it is one that classifies only.
    """
    path = Path(model)
    if path.is_dir() and (path / "training" / "dense.pt").is_file():
        path = path / "training" / "dense.pt"
    if path.is_file():
        provenance = path.parent / "provenance.json"
        record = _read_json(provenance) if provenance.is_file() else {}
        config, run = record.get("config", {}), path.resolve().parent.parent
        bundle = run if (run / "configs").is_dir() else find_bundle(record.get("bundle", _FIRST_BUNDLE))
    else:
        bundle, config, run = _named_bundle(model), {}, None
        path = bundle / "models" / "model.pt"
        if not path.is_file():
            raise FileNotFoundError(f"model must come with {path}; train the bundle, or give a checkpoint")
    if bundle.name in _CLASSIFIERS:
        raise ValueError(
            f"model must be one that localizes, got {model} of {bundle.name}, which classifies whole images; run the "
            f"run id inference or evaluating of the bundle, or htl run chest_xray"
        )
    if not {*_NETWORK} & config.keys():
        config = _read_json(bundle / "configs" / "inference.json")
    data = run / "preparing" / "data.json" if run else None
    return TrainedModel(
        bundle,
        path.resolve(),
        {key: config[key] for key in _NETWORK if key in config},
        {key: config[key] for key in _HEAT_MAPS if key in config},
        data if data and data.is_file() else None,
    )


def _named_bundle(model: str | os.PathLike[str]) -> Path:
    try:
        return find_bundle(str(model))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"model must be a bundle's folder or a checkpoint, got {model}; check the path, or give a run's folder"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
