"""The file of what a classifier says of each image, dense and at every sparsity."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from htl_monai.data.files import write_atomically
from htl_monai.data.readers.listing import name_first

__all__ = ["Predictions", "read_predictions", "stacked_predictions", "write_predictions"]

_NAMES = ("probabilities", "ids", "classes", "sparsities")


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of one model, or of several seeds of it.

    Args:
        probabilities: ``(K, N, C)`` float32 in [0, 1]; of ``R`` seeds ``(R, K, N, C)``.
        ids: the ``N`` images.
        classes: the ``C`` classes.
        sparsities: the ``K`` sparsities in ascending order; 0 is the dense network.
    """

    probabilities: NDArray[np.float32]
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    sparsities: tuple[float, ...]

    def at(self, sparsity: float) -> NDArray[np.float32]:
        """Return the probabilities at one sparsity: ``(N, C)``, or ``(R, N, C)`` of several seeds.

        Raises:
            KeyError: there are none at that sparsity.
        """
        near = [i for i, value in enumerate(self.sparsities) if abs(value - sparsity) < 1e-9]
        if not near:
            known = ", ".join(f"{value:g}" for value in self.sparsities)
            raise KeyError(f"sparsity must be one of {known}, got {sparsity:g}; mine at it, or choose one of these")
        return self.probabilities[..., near[0], :, :]

    def in_order(self, ids: Sequence[str], path: str | os.PathLike[str], split: str) -> Predictions:
        """Return the predictions in the order of a data list.

        Args:
            ids: its images, which must be those of the predictions.
            path: where these were read from, for the error.
            split: the name of the list, for the error.

        Raises:
            ValueError: they are of other images; some are named.
        """
        if self.ids == tuple(ids):
            return self
        differing = sorted(set(self.ids) ^ set(ids))
        if differing:
            raise ValueError(
                f"predictions in {path} must be of the {split} images of the data list, got {len(differing)} that are "
                f"not in both ({name_first(differing)}); mine again on the same data"
            )
        places = {id_: i for i, id_ in enumerate(self.ids)}
        order = [places[id_] for id_ in ids]
        return replace(self, probabilities=self.probabilities[..., order, :], ids=tuple(ids))


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> Path:
    """Write the predictions of one model as a compressed ``.npz``, atomically.

    Raises:
        ValueError: the array does not have the shape that ids, classes and sparsities ask for, or is not finite.
    """
    _check(predictions, str(path))
    arrays: dict[str, Any] = {
        "probabilities": predictions.probabilities.astype(np.float32),
        "ids": np.array(predictions.ids, dtype=np.str_),
        "classes": np.array(predictions.classes, dtype=np.str_),
        "sparsities": np.array(predictions.sparsities, dtype=np.float64),
    }
    return write_atomically(path, lambda temporary: np.savez_compressed(temporary, **arrays))


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    """Read what :func:`write_predictions` wrote.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: it is no file of predictions.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"predictions {path} do not exist; run the stage mining or correct the path")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in _NAMES]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must hold predictions ({', '.join(_NAMES)}), got {error}; mine again") from error
    probabilities, ids, classes, sparsities = arrays
    found = Predictions(probabilities, tuple(ids.tolist()), tuple(classes.tolist()), tuple(sparsities.tolist()))
    _check(found, str(path))
    return found


def stacked_predictions(paths: Sequence[str | os.PathLike[str]]) -> Predictions:
    """Read the predictions of several seeds into one array ``(R, K, N, C)``.

    Args:
        paths: one file per seed; images may be in any order, they are put in that of the first file.

    Raises:
        ValueError: no file, or files of different images, classes or sparsities; what differs is named.
    """
    if not paths:
        raise ValueError("paths must name at least one file of predictions, got none; give one per seed")
    first = read_predictions(paths[0])
    stack = np.empty((len(paths), *first.probabilities.shape), dtype=np.float32)
    stack[0] = first.probabilities
    places = {id_: i for i, id_ in enumerate(first.ids)}
    for row, path in enumerate(paths[1:], start=1):
        other = read_predictions(path)
        for what in ("classes", "sparsities"):
            ours, theirs = getattr(first, what), getattr(other, what)
            if ours != theirs:
                differing = [str(value) for value in (*ours, *theirs) if (value in ours) != (value in theirs)]
                raise ValueError(
                    f"predictions of all seeds must have the same {what}, got others in {path} than in {paths[0]} "
                    f"({name_first(differing) or 'another order'}); mine them with the same configs"
                )
        if set(other.ids) != set(first.ids):
            differing = sorted(set(other.ids) ^ set(first.ids))
            raise ValueError(
                f"predictions of all seeds must be of the same images, got {len(differing)} that are not in both "
                f"{path} and {paths[0]} ({name_first(differing)}); mine them on the same data"
            )
        stack[row][:, [places[id_] for id_ in other.ids]] = other.probabilities
    return Predictions(stack, first.ids, first.classes, first.sparsities)


def _check(predictions: Predictions, where: str) -> None:
    shape = (len(predictions.sparsities), len(predictions.ids), len(predictions.classes))
    if predictions.probabilities.shape != shape:
        raise ValueError(
            f"predictions in {where} must have the shape (sparsities, images, classes) = {shape}, got "
            f"{predictions.probabilities.shape}; mine again"
        )
    if len(set(predictions.ids)) < len(predictions.ids):
        raise ValueError(f"predictions in {where} must name each image once, got repeated ids; mine again")
    if not np.isfinite(predictions.probabilities).all():
        unsure = np.unique(np.nonzero(~np.isfinite(predictions.probabilities))[1])
        names = name_first([predictions.ids[i] for i in unsure])
        raise ValueError(
            f"predictions in {where} must be finite, got NaN or infinity for {len(unsure)} images ({names}); "
            "check the network's weights"
        )
