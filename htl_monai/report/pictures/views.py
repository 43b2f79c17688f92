"""Finds what a person is shown of one case, and where the masks of its networks lie in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray
from PIL import Image

from htl_monai.data.images.decoding import LARGE_PIXELS
from htl_monai.data.images.pictures import is_picture, read_image, spread, to_uint8
from htl_monai.data.readers.listing import Item
from htl_monai.report.pictures.display import CUT, fitted, grey_of
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.grids import (
    AS_READ,
    Matrix,
    as_seen,
    centred,
    scaling,
    turn_matrix,
    turned,
    which_turn,
)
from htl_monai.report.pictures.observed import Grid, observe

__all__ = ["FlatView", "VolumeView", "view_of"]

_AXES = ("sagittal", "coronal", "axial")
_MOST_SLICES = 15
_AS_PREPARED = "Shown as the network is given it."


@dataclass(frozen=True)
class FlatView:
    """A picture.

    Args:
        picture: at the size at which it is shown.
        matrix: ``(3, 3)``, from the indices of a mask to x and y in it.
        note: what is to be said of it.
    """

    picture: Image.Image
    matrix: Matrix
    note: str


@dataclass(frozen=True)
class VolumeView:
    """A volume whose axes run to the patient's left, back and head.

    Args:
        volume: one channel ``(X, Y, Z)``.
        affine: of the volume and of the masks before they were turned.
        spacing: along its axes, in millimetres.
        note: what is to be said of it.
    """

    volume: NDArray[Any]
    affine: Matrix
    spacing: NDArray[np.float64]
    note: str

    @property
    def axis(self) -> int:
        """Along which it is sliced: that of the coarsest spacing, of several the one to the head."""
        return int(np.flatnonzero(self.spacing >= self.spacing.max() - 1e-3)[-1])

    def seen(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Turn a mask ``(K, ...)`` as the volume."""
        return np.moveaxis(as_seen(np.moveaxis(mask, 0, -1), self.affine)[0], -1, 0).astype(bool)

    def slice(self, position: int) -> tuple[Image.Image, Matrix]:
        """Return a slice with square pixels, and the matrix from the indices of a mask's slice to x and y in it."""
        plane = np.take(self.volume, position, axis=self.axis)
        spacing = np.delete(self.spacing, self.axis)
        spacing = spacing / spacing.min()
        # To the right is the patient's left, or back; the head is on top.
        turn = (True, self.axis != 2, False)
        picture = Image.fromarray(to_uint8(turned(plane, turn), self.limits))
        size = fitted((plane.shape[0] * spacing[0], plane.shape[1] * spacing[1]))
        shown = picture.resize(size, Image.Resampling.BICUBIC)
        scaled = scaling((size[0] / plane.shape[0], size[1] / plane.shape[1]))
        return shown, centred(scaled @ turn_matrix(turn, plane.shape))

    def positions(self, error: NDArray[np.int64], area: NDArray[np.int64]) -> tuple[list[int], int]:
        """Return up to 15 slices spread over what is outlined, and which of them shows the largest error.

        Args:
            error: wrong voxels of each slice.
            area: outlined voxels of each slice.
        """
        worst = int(error.argmax()) if error.any() else int(area.argmax()) if area.any() else len(area) // 2
        within = np.flatnonzero(area) if area.any() else np.arange(len(area))
        spread_ = np.linspace(within[0], within[-1], min(_MOST_SLICES, int(within[-1] - within[0]) + 1)).round()
        found = [int(position) for position in spread_]
        found[int(np.argmin(np.abs(spread_ - worst)))] = worst
        return found, found.index(worst)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """What is shown black and white, of all slices."""
        return spread(self.volume, CUT)


def view_of(item: Item, network: Drawn, batch: Any, shape: Sequence[int]) -> FlatView | VolumeView:
    """Return what is shown of a case: the original where masks can be brought to it, else what the network is given.

    Args:
        item: the case.
        network: one of those that say something of it.
        batch: the case as it was prepared.
        shape: the size of the masks.

    Raises:
        ValueError: the masks are of no size that is known.
    """
    prepared = _prepared_grid(batch[network.model.image_key])
    try:
        read, last = observe(network.model, item)
    except Exception:  # steps of anybody, one by one
        read, last = None, None
    own = read if read is not None and read.shape == tuple(shape) and (network.restores or _is(last, read)) else None
    if own is None and prepared.shape != tuple(shape):
        raise ValueError(f"its masks are of the size {tuple(shape)}, and the image {prepared.shape}")
    if len(shape) == 2:
        into = np.eye(3) if own is not None else last.to(read) if _same(last, prepared) and read and last else None
        return _flat(item, read, prepared, into)
    grid = own or (last if _same(last, prepared) and last else prepared)
    channels = f"Shown: the first of {len(grid.image)} channels." if len(grid.image) > 1 else ""
    affine = np.eye(4) if grid.affine is None else grid.affine
    volume, spacing = as_seen(grid.image[0], affine)
    view = VolumeView(volume, affine, spacing, "")
    said = f"{_AXES[view.axis].capitalize()} slices." if grid.affine is not None else ""
    note = " ".join(part for part in (said, channels, "" if own else _AS_PREPARED) if part)
    return VolumeView(volume, affine, spacing, note)


def _flat(item: Item, read: Grid | None, prepared: Grid, into: Matrix | None) -> FlatView:
    """Return the file's picture with the way of masks into it, or else the prepared one."""
    path = item[Keys.IMAGE]
    seen = None
    if isinstance(path, str) and is_picture(path):
        seen = read_image(path, LARGE_PIXELS, CUT)[0]
    turn = None
    if read is not None and seen is not None:
        turn = which_turn(grey_of(np.moveaxis(read.image, 0, -1)), grey_of(np.asarray(seen)))
    if read is not None and into is not None:
        size = read.shape
        if seen is None or turn is None:
            turn, seen = AS_READ, _as_picture(read.image, AS_READ)
        note, spacing = "", _spacing(read)
    else:
        turn, into, size = turn or AS_READ, np.eye(3), prepared.shape
        seen, note, spacing = _as_picture(prepared.image, turn), _AS_PREPARED, _spacing(prepared)
    width, height = size if turn[0] else size[::-1]
    across, down = (step / min(spacing) for step in (spacing if turn[0] else spacing[::-1]))
    shown = fitted((width * across, height * down))
    matrix = centred(scaling((shown[0] / width, shown[1] / height)) @ turn_matrix(turn, size) @ into)
    return FlatView(seen.resize(shown, Image.Resampling.BICUBIC), matrix, note)


def _as_picture(image: NDArray[Any], turn: Any) -> Image.Image:
    """Return ``(C, A, B)`` as RGB where it has three channels, else the first of them."""
    channels = np.moveaxis(image[:3] if len(image) in (3, 4) else image[:1], 0, -1)
    levels = to_uint8(channels, spread(channels, CUT))
    levels = turned(levels, turn)
    return Image.fromarray(levels if levels.shape[2] == 3 else np.repeat(levels, 3, axis=2))


def _spacing(grid: Grid) -> tuple[float, float]:
    if grid.affine is None:
        return 1.0, 1.0
    first, second = np.linalg.norm(grid.affine[:3, :2], axis=0)
    usable = np.isfinite([first, second]).all() and min(first, second) > 0
    return (float(first), float(second)) if usable else (1.0, 1.0)


def _same(grid: Grid | None, prepared: Grid) -> bool:
    return grid is not None and grid.shape == prepared.shape


def _is(last: Grid | None, read: Grid) -> bool:
    """Tell whether preparing leaves every pixel where it was."""
    into = last.to(read) if last is not None and last.shape == read.shape else None
    return into is not None and np.allclose(into, np.eye(len(into)), atol=1e-3)


def _prepared_grid(image: Any) -> Grid:
    return Grid(image[0].detach().cpu().numpy(), None)
