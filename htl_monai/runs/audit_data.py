"""The samples of an audit: of any data list, with labels as the model's task wants them, read a batch at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import torch
from monai.data import list_data_collate
from torch.utils.data import DataLoader, Dataset

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.decathlon import is_decathlon
from htl_monai.data.readers.listing import LISTS, Datalists, Item, Say, name_first
from htl_monai.data.readers.multi_label import load_multi_label
from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.model import Model
from htl_monai.tasks.classification import Classification
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.task import Task

__all__ = ["AuditLoader", "audit_items", "require_room"]

ALL = "all"
_FIXED = ("Resized", "ResizeWithPadOrCropd", "CenterSpatialCropd")
_PICTURES_AT_ONCE = 8


def audit_items(
    data: str | os.PathLike[str],
    split: str,
    task: Task,
    columns: Mapping[str, Any] | None = None,
    say: Say | None = None,
) -> list[Item]:
    """Return the samples of a split (``all`` for every one), each with its ``split``; labels are optional.

    Of a classification, labels are numbers of the task's classes: by number, by name, or by the column ``diagnosis``;
    or, where a sample may have several, one value for each, put in the order of the task's classes.

    Raises:
        FileNotFoundError: there is no such data.
        ValueError: the split has no sample, an image is not there, or a label is none of the task's classes.
    """
    if columns and Path(data).suffix.lower() == ".json":
        raise ValueError(f"columns must be left out for {data}, got {dict(columns)}; they name those of a CSV")
    if split not in (*LISTS, ALL):
        raise ValueError(f"split must be one of {', '.join((*LISTS, ALL))}, got {split!r}; choose one of them")
    lists = _lists(data, task, columns, say)
    items = [{**item, "split": name} for name in LISTS if split in (name, ALL) for item in lists[name]]
    if not items:
        there = ", ".join(f"{len(found)} in {name}" for name, found in lists.items() if found) or "none"
        raise ValueError(f"split must be one with images, got {split} of {data}, which has {there}; choose another")
    gone = [item["id"] for item in items if not all(os.path.isfile(path) for path in _files(item))]
    if gone:
        raise ValueError(
            f"every image of {data} must be there, got {len(gone)} of {len(items)} that are not: {name_first(gone)}; "
            "add them, or take them out of the data list"
        )
    return [_with_label(item, task) for item in items]


def require_room(items: Sequence[Item], task: Task) -> None:
    """Refuse a volume that would not fit in memory, from the headers of the files, before any is read.

    Raises:
        ValueError: names the volume, what it takes and what there is.
    """
    free = _free_bytes()
    for item in items if free is not None else ():
        shapes = _volumes(item)
        voxels = sum(map(math.prod, shapes))
        # As float32: the image as read and as prepared, the output of the network, its probabilities and its masks.
        needed = 4 * voxels * 2 + 4 * math.prod(shapes[0][:3] if shapes else [0]) * 3 * len(task.classes)
        if free is not None and needed > free:
            raise ValueError(
                f"image {item['id']} must fit in memory, got about {needed / 1e9:.1f} GB for {shapes[0]} voxels and "
                f"{len(task.classes)} classes where {free / 1e9:.1f} GB are free; crop it, or use a larger machine"
            )


class AuditLoader(DataLoader):
    """Batches of what a model's preprocessing makes of samples; one that cannot be prepared stops it with a sentence.

    ``first`` is the first sample as a batch.

    Args:
        items: the data list.
        model: prepares each of them.
        batch_size: None takes several pictures at once where the preprocessing gives all the same size, else 1.
    """

    def __init__(self, items: Sequence[Item], model: Model, batch_size: int | None = None) -> None:
        _ = model.image_key, model.label_key  # a wrong name is no fault of an image
        steps = {type(step).__name__ for step in model.preprocessing.flatten().transforms}
        first = _Prepared(items, model)[0]
        if isinstance(first, str):
            raise ValueError(first)
        is_picture = first[model.image_key].ndim == 3
        size = batch_size or (_PICTURES_AT_ONCE if is_picture and steps & {*_FIXED} else 1)
        # Volumes are read one at a time: a worker would hold more of them in memory.
        workers = min(2, (len(items) - 1) // size) if is_picture else 0
        super().__init__(_Prepared(items, model), batch_size=size, num_workers=workers, collate_fn=_collate)
        self.first = _collate([first])

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, str):
                raise ValueError(batch)
            yield batch


class _Prepared(Dataset):
    """Prepared samples, or in place of one a sentence that says what is wrong with it."""

    def __init__(self, items: Sequence[Item], model: Model) -> None:
        self.items = items
        self.model = model

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any] | str:
        item = self.items[index]
        try:
            return {**self.model.prepare(item), "id": item["id"]}
        except Exception as error:  # transforms of anybody on files of anybody
            return (
                f"image {item['id']} must be one that the preprocessing of {self.model.bundle} takes, got: "
                f"{first_cause(error)}; repair it, or take it out of the data list"
            )


def _collate(samples: list[dict[str, Any] | str]) -> Any:
    fault = next((sample for sample in samples if isinstance(sample, str)), None)
    if fault is not None:
        return fault
    try:
        return list_data_collate(samples)
    except Exception:  # torch and MONAI have their own for each kind of difference
        shapes = {
            f"{key} {tuple(value.shape)} of {sample['id']}"
            for sample in samples
            if isinstance(sample, dict)
            for key, value in sample.items()
            if isinstance(value, torch.Tensor)
        }
        return (
            f"batch_size must be 1 where sizes differ, got {', '.join(sorted(shapes)[:4])}; set it to 1, or take those "
            "that differ out of the data list"
        )


def _lists(data: str | os.PathLike[str], task: Task, columns: Mapping[str, Any] | None, say: Say | None) -> Datalists:
    path = Path(data)
    if not isinstance(task, MultilabelClassification) or (path.suffix.lower() == ".json" and is_decathlon(path)):
        return load_datalists(path, columns, on_missing="name", say=say)
    found = load_multi_label(path, columns, on_missing="keep", say=say)
    lacking = [name for name in task.classes if name not in found.classes]
    if lacking:
        raise ValueError(
            f"classes of {data} must be those of the model, got none called {', '.join(lacking)} among "
            f"{', '.join(found.classes)}; name the columns with --columns"
        )
    order = [found.classes.index(name) for name in task.classes]
    for items in found.datalists.values():
        for item in items:
            if "label" in item:
                item["label"] = [item["label"][place] for place in order]
    return found.datalists


def _with_label(item: Item, task: Task) -> Item:
    """Return an item whose label is one that the task can read, or that has none."""
    label = item.get("label")
    if not isinstance(task, Classification):
        if label is None or label == "":
            return {key: value for key, value in item.items() if key != "label"}
        if isinstance(label, str) and os.path.isfile(label):
            return item
        raise ValueError(
            f"label of {item['id']} must be the path of a mask for {task.name}, got {label!r:.200}, which is no file; "
            "correct the list, or leave this label out"
        )
    rest = {key: value for key, value in item.items() if key != "label"}
    if isinstance(task, MultilabelClassification):
        if label is None or _is_file(label):
            return rest
        if not isinstance(label, list) or len(label) != len(task.classes):
            raise ValueError(
                f"label of {item['id']} must be a list with a value for each of {len(task.classes)} classes, got "
                f"{label!r:.80}; correct the list"
            )
        return rest | {"label": torch.tensor([float("nan") if value is None else float(value) for value in label])}
    value = item.get("diagnosis") if label is None or _is_file(label) else label
    if value is None:
        return rest
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    number = task.classes.index(value) if value in task.classes else number
    if type(number) is not int or not 0 <= number < len(task.classes):
        raise ValueError(
            f"label of {item['id']} must be one of {', '.join(task.classes)}, or its number, got {value!r:.80}; "
            "correct the list"
        )
    return rest | {"label": torch.tensor(number)}


def _is_file(label: Any) -> bool:
    return isinstance(label, str) and os.path.isfile(label)


def _files(item: Item) -> list[str]:
    return item["image"] if isinstance(item["image"], list) else [item["image"]]


def _volumes(item: Item) -> list[tuple[int, ...]]:
    """Return the sizes of an image's NIfTI files, of which the header alone is read."""
    try:
        paths = [path for path in _files(item) if path.endswith((".nii", ".nii.gz"))]
        return [cast("nib.Nifti1Image", nib.load(path)).shape for path in paths]
    except Exception as error:  # nibabel raises what a damaged header makes it stumble over
        raise ValueError(
            f"image {item['id']} must be a NIfTI file that can be read, got: {first_cause(error)}; repair it, or take "
            "it out of the data list"
        ) from error


def _free_bytes() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")), None)
