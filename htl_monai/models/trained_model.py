"""Finds a trained model by the name of a bundle, by a run's folder or by a checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json
from htl_monai.models.bundles import bundle_config, find_bundle, own_bundles
from htl_monai.models.model_record import FIRST_BUNDLE, HEAT_MAPS, NETWORK, read_model_record

__all__ = ["TrainedModel", "find_model"]

# These say what is in an image, and not where: nothing can be localized, or scored against a mask.
_CLASSIFIERS = ("chest_xray_long_tail",)


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

    A bundle's configs are code, and a line on standard error says so of one that is not the package's. A run or a
    checkpoint is data: the ``provenance.json`` beside the weights names one of the package's bundles and describes the
    network in numbers, see :func:`~htl_monai.models.model_record.read_model_record`; without one they are taken to be
    of the network that ``lesion_localization`` ships.

    Args:
        model: the name of one of the package's bundles, or the path of any bundle's folder (their ``models/model.pt``);
            a run's folder (its dense network); or a checkpoint.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: it is one that classifies only, its record is no plain data, or it is a checkpoint inside of a
            bundle that is not the package's.
    """
    trained = _find(os.fspath(model))
    if trained.bundle.name in _CLASSIFIERS:
        raise ValueError(
            f"model must be one that localizes, got {model} of {trained.bundle.name}, which classifies whole images; "
            "run the run id inference or evaluating of the bundle, or htl run chest_xray"
        )
    return trained


def _find(model: str) -> TrainedModel:
    path = Path(model)
    if model in own_bundles():
        return _shipped(find_bundle(model))
    if (path / "training" / "dense.pt").is_file():
        path = path / "training" / "dense.pt"
    if not path.is_file():
        return _shipped(_named_bundle(model))
    above = path.resolve().parent.parent
    if above in own_bundles().values():
        return _shipped(above, path.resolve())
    if any((above / "configs" / name).is_file() for name in ("inference.json", "metadata.json", "train.json")):
        raise ValueError(
            f"model must be a bundle's folder where its weights lie in one, got {model}; give {above}, whose configs "
            "then run as code, or move the weights out of it"
        )
    return _of_run(path, above)


def _shipped(bundle: Path, weights: Path | None = None) -> TrainedModel:
    """Return the network that a bundle ships, as its inference config describes it."""
    weights = weights or bundle / "models" / "model.pt"
    if not weights.is_file():
        raise FileNotFoundError(f"model must come with {weights}; train the bundle, or give a checkpoint")
    config = read_json(bundle_config(bundle, "inference.json"), f"correct the bundle {bundle}")
    return _described(bundle, weights.resolve(), config)


def _of_run(weights: Path, run: Path) -> TrainedModel:
    """Return a network of a run, or one of which nothing is known."""
    record, data = weights.parent / "provenance.json", run / "preparing" / "data.json"
    bundle, entries = read_model_record(record) if record.is_file() else (find_bundle(FIRST_BUNDLE), {})
    if not {*NETWORK} & entries.keys():
        entries = read_json(bundle_config(bundle, "inference.json"), "install the package again")
    return _described(bundle, weights.resolve(), entries, data if data.is_file() else None)


def _described(bundle: Path, weights: Path, entries: dict[str, Any], data: Path | None = None) -> TrainedModel:
    network, heat_maps = ({key: entries[key] for key in keys if key in entries} for keys in (NETWORK, HEAT_MAPS))
    return TrainedModel(bundle, weights, network, heat_maps, data)


def _named_bundle(model: str) -> Path:
    try:
        return find_bundle(model)
    except FileNotFoundError as error:
        hint = f"write ./{model} to run that bundle" if (Path(model) / "configs").is_dir() else "check the path"
        raise FileNotFoundError(
            f"model must be a bundle, the folder of a run or a checkpoint, got {model}; {hint}"
        ) from error
