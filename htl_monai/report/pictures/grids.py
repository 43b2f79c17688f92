"""How grids of pixels lie in one another: that of a network in a file's, and a file's in what a person sees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["AS_READ", "Matrix", "Turn", "as_seen", "centred", "scaling", "turn_matrix", "turned", "which_turn"]

Matrix = NDArray[np.float64]
Turn = tuple[bool, bool, bool]
"""Of axes 0 and 1: whether they are swapped, and whether each is then reversed."""
AS_READ: Turn = (True, False, False)
"""MONAI's readers have x first."""
_SEEN = ("L", "P", "S")
_SIDE = 32
_TURNS: tuple[Turn, ...] = tuple(
    sorted(itertools.product((False, True), (False, True), (False, True)), key=lambda turn: turn != AS_READ)
)


def as_seen(volume: NDArray[Any], affine: Matrix) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Turn a volume so that its axes run to the patient's left, back and head, as nearly as its affine allows.

    Args:
        volume: ``(X, Y, Z, ...)``.
        affine: ``(4, 4)``, to RAS coordinates in millimetres.

    Returns:
        the volume, and its spacing along each axis in millimetres; 1 where the affine has none.
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        affine = np.eye(4)
    start, end = nib.orientations.io_orientation(affine), nib.orientations.axcodes2ornt(_SEEN)
    change = nib.orientations.ornt_transform(start, end)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[np.argsort(change[:, 0])]
    return nib.orientations.apply_orientation(volume, change), spacing


def turned(picture: NDArray[Any], turn: Turn) -> NDArray[Any]:
    """Return a picture ``(A, B, ...)`` with its first axes swapped, and then each reversed, as ``turn`` says."""
    swapped, *reversed_ = turn
    moved = picture.swapaxes(0, 1) if swapped else picture
    return moved[tuple(slice(None, None, -1) if back else slice(None) for back in reversed_)]


def which_turn(grey: NDArray[np.float64], seen: NDArray[np.float64]) -> Turn | None:
    """Find how an array must be turned to look like the picture that a person sees; None where none gives its shape.

    Readers differ in which axis comes first and in whether they heed a camera's orientation, and nothing in a file says
    what a bundle's reader did: of the eight turns that give the shape, the picture itself tells.

    Args:
        grey: ``(A, B)``.
        seen: ``(H, W)``, which may be larger or smaller.
    """
    fitting = [turn for turn in _TURNS if _same_shape(turned(grey, turn).shape, seen.shape)]
    if not fitting:
        return None
    wanted = _small(seen)
    errors = [float(np.abs(_small(turned(grey, turn)) - wanted).mean()) for turn in fitting]
    return fitting[int(np.argmin(np.round(errors, 6)))]


def turn_matrix(turn: Turn, shape: Sequence[int]) -> Matrix:
    """Return the matrix ``(3, 3)`` from the indices of an array of that shape to x and y in it when it is turned."""
    swapped, back_0, back_1 = turn
    height, width = shape[::-1] if swapped else shape
    row, column = np.eye(3)[[1, 0]] if swapped else np.eye(3)[:2]
    row = np.array([0, 0, height - 1]) - row if back_0 else row
    column = np.array([0, 0, width - 1]) - column if back_1 else column
    return np.stack([column, row, np.array([0.0, 0.0, 1.0])])


def scaling(factors: tuple[float, float]) -> Matrix:
    """Return the matrix that scales indices of pixels about the corner of the first one."""
    first, second = factors
    return np.array([[first, 0, (first - 1) / 2], [0, second, (second - 1) / 2], [0, 0, 1]])


def centred(matrix: Matrix) -> Matrix:
    """Return a matrix to coordinates in which the first pixel covers 0 to 1, of one to indices."""
    return np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]]) @ matrix


def _same_shape(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether two pictures have the same sides, up to what reducing one of them by a whole number loses."""
    return bool(abs(shape[0] * wanted[1] - shape[1] * wanted[0]) <= max(*shape, *wanted))


def _small(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Return a small picture of mean 0 and spread 1."""
    image = Image.fromarray(np.nan_to_num(grey).astype(np.float32))
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float64)
    return (small - small.mean()) / (small.std() or 1.0)
