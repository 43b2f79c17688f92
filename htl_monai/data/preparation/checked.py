"""Loads the images that one stage uses, opened and found sound."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from htl_monai.data.preparation.left_out import Sieve, warn_of_skipped, write_skipped
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import LISTS, SPLITS, Datalists, Item, without_masks
from htl_monai.data.readers.prepared_list import has_mark

ALL = "all"


def load_checked(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    split: str = "training",
    masks: bool = True,
    skip_unusable: bool = False,
    skipped_path: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Datalists:
    """Read data lists for one stage, and open every image and mask of one split, as the stage preparing does with all.

    Args:
        dataset_dir: see :func:`~htl_monai.data.readers.datalists.load_datalists`, as for ``columns``. A ``data.json``
            that preparing wrote is not opened again while neither its lists nor their files have changed.
        split: the list whose images are used, or ``all``.
        masks: whether an image needs a mask; without them masks are passed over.
        skip_unusable: leave out what cannot be used, and name it; otherwise it stops the run.
        skipped_path: where to write which images are left out, and why, if any are; None for nowhere.

    Returns:
        the data lists, the used ones without their unusable images, the others as they are.

    Raises:
        ValueError: there is no such split, it has no image that can be used, or one that cannot without
            ``skip_unusable``.
    """
    datalists = load_datalists(dataset_dir, columns, on_missing="keep")
    known, sieve = has_mark(dataset_dir, datalists), Sieve(skip_unusable, progress)
    there = ", ".join(f"{len(items)} in {name}" for name, items in datalists.items() if items) or "none"
    for name in lists_of(split, masks):
        items = datalists[name] if masks else without_masks(datalists[name])
        if not known or (masks and any("label" not in item for item in items)):
            items = sieve.usable(items, name, masks)
        datalists[name] = items
    if not images_of(datalists, split, masks):
        used = " that can be used" if sieve.skipped else ""
        raise ValueError(
            f"split must be one with images{used}, got {split} of {dataset_dir}, which has {there}; choose another"
        )
    warn_of_skipped(sieve.skipped)
    if sieve.skipped and skipped_path is not None:
        write_skipped(skipped_path, sieve.skipped)
    return datalists


def lists_of(split: str, masks: bool = True) -> tuple[str, ...]:
    """Return the names of the lists that a split stands for; ``all`` are those with masks, or every one without.

    Raises:
        ValueError: there is no such split.

    Example:
        >>> lists_of("test"), lists_of("all")
        (('test',), ('training', 'validation', 'test'))
    """
    if split not in (*LISTS, ALL):
        raise ValueError(f"split must be one of {', '.join((*LISTS, ALL))}, got {split!r}; choose one of them")
    if split != ALL:
        return (split,)
    return SPLITS if masks else LISTS


def images_of(datalists: Mapping[str, Sequence[Item]], split: str, masks: bool = True) -> list[Item]:
    """Return the images of a split, or of ``all``, in the order of the lists."""
    return [item for name in lists_of(split, masks) for item in datalists.get(name, ())]
