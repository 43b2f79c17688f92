"""Draws one case: its picture or slices with what each network outlines, or what each says of the classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray
from PIL import Image

from htl_monai.data.readers.listing import Item
from htl_monai.models.bundle_configs import first_cause
from htl_monai.report.pictures.drawn import Drawn, Said
from htl_monai.report.pictures.grids import Matrix
from htl_monai.report.pictures.outlines import box_outline, outlines_of, placed
from htl_monai.report.pictures.views import FlatView, VolumeView, view_of
from htl_monai.tasks.classification import Classification
from htl_monai.tasks.heat_map_localization import HeatMapLocalization
from htl_monai.tasks.task import Task

__all__ = ["TRUTH", "CasePictures", "Slice", "case_pictures"]

TRUTH = "truth"
# Of more classes than these the union is outlined.
_MOST_CLASSES = 4
_MOST_ROWS = 20


@dataclass(frozen=True)
class Slice:
    """One picture and the outlines in it, by network: polygons of points ``[x, y]``; the first pixel covers 0 to 1."""

    picture: Image.Image
    position: int
    outlines: Mapping[str, list[list[list[float]]]]


@dataclass(frozen=True)
class CasePictures:
    """What is shown of one case.

    Args:
        slices: pictures with outlines, in the order in which one scrolls.
        first: which of them is shown first: that with the largest error.
        classes: of a classification, a row for each class.
        note: what is to be said of it, or why nothing is shown.
    """

    slices: tuple[Slice, ...] = ()
    first: int = 0
    classes: tuple[dict[str, Any], ...] = field(default_factory=tuple)
    note: str = ""


def case_pictures(item: Item, networks: Mapping[str, Drawn]) -> CasePictures:
    """Draw one case.

    Args:
        item: ``id``, ``image`` and, where there is one, ``label``.
        networks: by name, the dense one first, which prepares the case for all.
    """
    first = next(iter(networks.values()))
    notes: list[str] = []
    if gone := _gone(item[Keys.IMAGE]):
        return CasePictures(note=f"The picture is gone: {gone[0]}")
    if gone := _gone(item.get(Keys.LABEL)):
        notes.append(f"The given label is gone: {gone[0]}")
        item = {key: value for key, value in item.items() if key != Keys.LABEL}
    try:
        batch = first.prepared(item)
    except Exception as error:  # transforms of anybody on files of anybody
        return CasePictures(note=f"The picture cannot be shown: {first_cause(error)}")
    said: dict[str, Said] = {}
    for name, network in networks.items():
        try:
            said[name] = network.says(batch)
        except Exception as error:  # networks of anybody
            notes.append(f"Nothing is known of {network.label}: {first_cause(error)}")
    if not said:
        return CasePictures(note=" ".join(notes))
    task = first.scored_as
    if isinstance(task, Classification):
        return _classified(item, first, batch, task, said, notes)
    masks = _masks(said, task, notes)
    try:
        view = view_of(item, first, batch, next(iter(masks.values())).shape[1:])
    except (OSError, ValueError) as error:
        return CasePictures(note=f"The picture cannot be shown: {first_cause(error)}")
    boxed = isinstance(task, HeatMapLocalization)
    note = " ".join(part for part in (view.note, *notes) if part)
    if isinstance(view, FlatView):
        outlines = {name: _placed(mask, view.matrix, boxed) for name, mask in masks.items()}
        return CasePictures((Slice(view.picture, 0, outlines),), note=note)
    slices, worst = _slices(view, masks)
    return CasePictures(tuple(slices), worst, note=note)


def _gone(files: Any) -> list[str]:
    """Return the files of an image or a label that are not there; a class is none."""
    paths = files if isinstance(files, list) else [files]
    return [path for path in paths if isinstance(path, str) and not os.path.exists(path)]


def _masks(said: Mapping[str, Said], task: Task, notes: list[str]) -> dict[str, NDArray[np.bool_]]:
    """Return the masks ``(K, ...)`` that are outlined, truth first; of many classes their union."""
    truth = next((one.label for one in said.values() if one.label is not None), None)
    shape = next(iter(said.values())).pred.shape
    masks = ({TRUTH: truth} if truth is not None else {}) | {name: one.pred for name, one in said.items()}
    if len(task.foreground) > _MOST_CLASSES:
        notes.append(f"Outlined: the union of {len(task.foreground)} classes.")
        masks = {name: np.asarray(mask.any(axis=0, keepdims=True)) for name, mask in masks.items()}
        shape = (1, *shape[1:])
    elif len(task.foreground) > 1:
        notes.append(f"Outlined, each by itself: {', '.join(task.foreground)}.")
    return {name: mask for name, mask in masks.items() if mask.shape == shape}


def _slices(view: VolumeView, masks: Mapping[str, NDArray[np.bool_]]) -> tuple[list[Slice], int]:
    seen = {name: view.seen(mask) for name, mask in masks.items()}
    reference, *others = seen.values()
    rest = tuple(axis for axis in range(4) if axis != view.axis + 1)
    area = sum((mask.sum(axis=rest) for mask in seen.values()), np.zeros(1, dtype=np.int64))
    error = sum(((mask ^ reference).sum(axis=rest) for mask in others), np.zeros_like(area))
    positions, worst = view.positions(error, area)
    slices = []
    for position in positions:
        picture, matrix = view.slice(position)
        planes = {name: np.take(mask, position, axis=view.axis + 1) for name, mask in seen.items()}
        outlines = {name: _placed(plane, matrix, False) for name, plane in planes.items()}
        slices.append(Slice(picture, position, outlines))
    return slices, worst


def _placed(masks: NDArray[np.bool_], matrix: Matrix, boxed: bool) -> list[list[list[float]]]:
    return placed([*_outlines(masks, boxed)], matrix)


def _outlines(masks: NDArray[np.bool_], boxed: bool) -> Iterator[Any]:
    for mask in masks:
        yield from outlines_of(mask)
        yield from box_outline(mask) if boxed else ()


def _classified(
    item: Item, network: Drawn, batch: Any, task: Classification, said: Mapping[str, Said], notes: Sequence[str]
) -> CasePictures:
    """Return the picture, and what the networks say of the classes: what is true first, then what is likeliest."""
    truth = next((one.label for one in said.values() if one.label is not None), None)
    best = np.max([one.pred for one in said.values()], axis=0)
    actual = np.full(len(task.classes), np.nan) if truth is None else truth
    order = np.lexsort((-best, -np.nan_to_num(actual)))
    rows = [
        {"name": task.classes[index], TRUTH: None if np.isnan(actual[index]) else int(actual[index])}
        | {name: round(float(one.pred[index]), 4) for name, one in said.items()}
        for index in order[:_MOST_ROWS]
    ]
    said_of = [f"Shown: {_MOST_ROWS} of {len(order)} classes."] if len(order) > _MOST_ROWS else []
    try:
        view = view_of(item, network, batch, tuple(batch[network.model.image_key].shape[2:]))
    except (OSError, ValueError) as error:
        return CasePictures(classes=tuple(rows), note=f"The picture cannot be shown: {first_cause(error)}")
    slices: tuple[Slice, ...]
    if isinstance(view, FlatView):
        slices = (Slice(view.picture, 0, {}),)
    else:
        slices = tuple(_slices(view, {"dense": np.zeros((1, *batch[network.model.image_key].shape[2:]), bool)})[0])
    return CasePictures(slices, len(slices) // 2, tuple(rows), " ".join([*notes, *said_of]))
