"""Finds a model by what a person writes: a bundle, the folder of a run, a checkpoint or a TorchScript file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from htl_monai.models.bundles import own_bundles
from htl_monai.models.model import Model

__all__ = ["find_model"]

_TORCHSCRIPT = (".ts", ".torchscript")


def find_model(model: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None, **options: Any) -> Model:
    """Find a model.

    A bundle's configs are code, and a line on standard error says so of one that is not the package's. A run or a
    checkpoint is data, see :meth:`Model.from_run`.

    Args:
        model: the name of one of the package's bundles, or the path of any bundle's folder (their ``models/model.pt``
            unless ``weights`` are given); a run's folder (its dense network); a checkpoint; a ``.ts`` file.
        weights: of a bundle, the checkpoint.
        options: see :class:`Model`.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: its record is no plain data, or it is a checkpoint inside of a bundle that is not the package's.
    """
    path, name = Path(model), os.fspath(model)
    if name in own_bundles():
        return Model.from_bundle(name, weights, **options)
    if (path / "training" / "dense.pt").is_file():
        path = path / "training" / "dense.pt"
    if not path.is_file():
        return _of_folder(name, weights, options)
    if weights is not None:
        raise ValueError(f"weights must be left out where model is a run or a file, got {weights} with {model}")
    if path.suffix in _TORCHSCRIPT:
        return Model.from_torchscript(path, **options)
    above = path.resolve().parent.parent
    if above in own_bundles().values():
        return Model.from_bundle(above, path, **options)
    if any([*above.glob(f"configs/{config}.*")] for config in ("inference", "metadata", "train")):
        raise ValueError(
            f"model must be a bundle's folder where its weights lie in one, got {model}; give {above}, whose configs "
            "then run as code, or move the weights out of it"
        )
    return Model.from_run(path, **options)


def _of_folder(model: str, weights: str | os.PathLike[str] | None, options: dict[str, Any]) -> Model:
    if not (Path(model) / "configs").is_dir():
        raise FileNotFoundError(
            "model must be a bundle, the folder of a run, a checkpoint or a .ts file, got "
            f"{model}; check the path, or name one of {', '.join(own_bundles())}"
        )
    try:
        return Model.from_bundle(model, weights, **options)
    except FileNotFoundError as error:
        if "bundle must be one of" not in str(error):
            raise
        raise FileNotFoundError(
            f"model must be a bundle, the folder of a run or a checkpoint, got {model}; write ./{model} to run that "
            "bundle"
        ) from error
