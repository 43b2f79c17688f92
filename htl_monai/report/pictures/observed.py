"""Watches a bundle's preprocessing: what was read of a file, and where its pixels went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray

from htl_monai.models.model import Model
from htl_monai.report.pictures.grids import Matrix

__all__ = ["Grid", "observe"]

_READING = ("LoadImage", "EnsureChannelFirst", "AddChannel")


@dataclass(frozen=True)
class Grid:
    """An image ``(C, ...)`` at one point of the preprocessing.

    Args:
        image: the values.
        affine: ``(4, 4)``, from its indices to coordinates in space; None where nothing keeps account of it.
    """

    image: NDArray[Any]
    affine: Matrix | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of the grid."""
        return self.image.shape[1:]

    def to(self, other: Grid) -> Matrix | None:
        """Return the matrix from the indices of this grid to those of another one, of the same number of axes."""
        if self.affine is None or other.affine is None:
            return None
        matrix = np.linalg.inv(other.affine) @ self.affine
        kept = [*range(len(self.shape)), 3]
        return np.asarray(matrix[np.ix_(kept, kept)])


def observe(model: Model, item: Mapping[str, Any]) -> tuple[Grid | None, Grid | None]:
    """Return the image as it was read, and where its pixels lie when it is prepared; None for what does not show.

    The steps are run one by one, of the image alone. A bundle that leaves the account of space before it is done is
    believed to change no size after that, if it changes none.
    """
    if model.preprocessing.lazy:
        return None, None
    data: Any = {model.image_key: item[Keys.IMAGE]}
    read: Grid | None = None
    last: Grid | None = None
    reading, is_lost = True, False
    for step in model.preprocessing.flatten().transforms:
        reading = reading and type(step).__name__.startswith(_READING)
        if not reading and read is None:
            read = last
        data = step(data)
        found = _grid(data.get(model.image_key))
        if found is not None and last is not None:
            is_lost = is_lost or (last.affine is not None and found.affine is None)
            found = _after_loss(found, last) if is_lost else found
        last = found
    return read if read is not None or not reading else last, last


def _after_loss(found: Grid, last: Grid) -> Grid:
    """Return a grid whose affine began anew from nothing: the last one holds as long as nothing moves."""
    stays = found.shape == last.shape and (found.affine is None or np.allclose(found.affine, np.eye(4)))
    return Grid(found.image, last.affine if stays else None)


def _grid(value: Any) -> Grid | None:
    if not isinstance(value, torch.Tensor) or value.ndim < 3:
        return None
    affine = value.affine.cpu().double().numpy() if isinstance(value, MetaTensor) else None
    return Grid(value.detach().cpu().numpy(), affine)
