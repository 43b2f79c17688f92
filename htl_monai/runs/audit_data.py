"""The samples of an audit: of any data list, with labels as the model's task wants them, read a batch at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import torch
from monai.data import list_data_collate
from torch.utils.data import DataLoader, Dataset

from htl_monai.data.images.threads import on_threads
from htl_monai.data.preparation.left_out import Skipped
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import LISTS, Item, Say
from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.model import Model
from htl_monai.tasks.classification import Classification
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.task import Task

__all__ = ["AuditLoader", "audit_items", "prepared", "sift", "sound"]

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
    """Return the samples of a split (``all`` for every one), each with its ``split``.

    Raises:
        FileNotFoundError: there is no such data.
        ValueError: the split has no sample, or the data list has other classes than the task.
    """
    if columns and Path(data).suffix.lower() == ".json":
        raise ValueError(f"columns must be left out for {data}, got {dict(columns)}; they name those of a CSV")
    if split not in (*LISTS, ALL):
        raise ValueError(f"split must be one of {', '.join((*LISTS, ALL))}, got {split!r}; choose one of them")
    findings = task.classes if isinstance(task, MultilabelClassification) else False
    lists = load_datalists(data, columns, "name", say=say, findings=findings)
    items = [{**item, "split": name} for name in LISTS if split in (name, ALL) for item in lists[name]]
    if not items:
        there = ", ".join(f"{len(found)} in {name}" for name, found in lists.items() if found) or "none"
        raise ValueError(f"split must be one with images, got {split} of {data}, which has {there}; choose another")
    return items


def sound(item: Item, task: Task) -> Item:
    """Look at a sample's files, headers and label, before its image is read, and return it as the task takes it.

    A label is optional. Of a classification it is the number of one of the task's classes: by number, by name, or by
    the column ``diagnosis``; or, where a sample may have several, one value for each, in the order of the classes.

    Raises:
        ValueError: the image is not there, would not fit in memory, or the label is none of the task's.
    """
    _require_files(item)
    _require_room(item, task)
    return _with_label(item, task)


def prepared(item: Item, model: Model) -> dict[str, Any]:
    """Return what a model's preprocessing makes of a sample, and its ``id``.

    Raises:
        ValueError: it does not take it.
    """
    try:
        return {**model.prepare(item), "id": item["id"]}
    except Exception as error:  # transforms of anybody on files of anybody
        raise ValueError(
            f"image {item['id']} must be one that the preprocessing of {model.bundle} takes, got: "
            f"{first_cause(error)}; repair it, or take it out of the data list"
        ) from error


def sift(
    items: Sequence[Item], check: Callable[[Item], Item | None], skip_unusable: bool, progress: bool = False
) -> tuple[list[Item], list[Skipped]]:
    """Return what a check makes of samples (of None the sample itself), and those that it refuses, each with a reason.

    Raises:
        ValueError: it refuses some, without ``skip_unusable``; or all.
    """

    def checked(item: Item) -> Item | str:
        try:
            return check(item) or item
        except ValueError as error:
            return str(error)

    used, skipped = list[Item](), list[Skipped]()
    for item, found in zip(items, on_threads(checked, items, "checking images", progress), strict=True):
        if isinstance(found, str):
            skipped.append({"id": item["id"], "split": item["split"], "reason": found})
        else:
            used.append(found)
    if skipped and not (skip_unusable and used):
        more = f"; {len(skipped)} of {len(items)} samples cannot be used" if len(skipped) > 1 else ""
        hint = "" if skip_unusable else "; --skip-unusable leaves out what cannot be used"
        raise ValueError(f"{skipped[0]['reason']}{more}{hint}")
    return used, skipped


class AuditLoader(DataLoader):
    """Batches of what a model's preprocessing makes of samples; one that cannot be prepared stops it with a sentence.

    Args:
        items: the data list.
        model: prepares each of them.
        batch_size: None takes several pictures at once where the preprocessing gives all the same size, else 1.
    """

    def __init__(self, items: Sequence[Item], model: Model, batch_size: int | None = None) -> None:
        _ = model.image_key, model.label_key  # a wrong name is no fault of an image
        steps = {type(step).__name__ for step in model.preprocessing.flatten().transforms}
        first = prepared(items[0], model)
        is_picture = first[model.image_key].ndim == 3
        size = batch_size or (_PICTURES_AT_ONCE if is_picture and steps & {*_FIXED} else 1)
        # Volumes are read one at a time: a worker would hold more of them in memory.
        workers = min(2, (len(items) - 1) // size) if is_picture else 0
        super().__init__(_Prepared(items, model), batch_size=size, num_workers=workers, collate_fn=_collate)

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
        try:
            return prepared(self.items[index], self.model)
        except ValueError as error:
            return str(error)


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


def _require_files(item: Item) -> None:
    gone = [path for path in _files(item) if not os.path.isfile(path)]
    if gone:
        raise ValueError(
            f"image {item['id']} must be there, got no file {gone[0]}; add it, or take it out of the data list"
        )


def _require_room(item: Item, task: Task) -> None:
    """Refuse a volume that would not fit in memory, by the header of its file."""
    shapes = _volumes(item)
    free = _free_bytes() if shapes else None
    voxels = sum(map(math.prod, shapes))
    # As float32: the image as read and as prepared, the output of the network, its probabilities and its masks.
    needed = 4 * voxels * 2 + 4 * math.prod(shapes[0][:3] if shapes else [0]) * 3 * len(task.classes)
    if free is not None and needed > free:
        raise ValueError(
            f"image {item['id']} must fit in memory, got about {needed / 1e9:.1f} GB for {shapes[0]} voxels and "
            f"{len(task.classes)} classes where {free / 1e9:.1f} GB are free; crop it, or use a larger machine"
        )


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
