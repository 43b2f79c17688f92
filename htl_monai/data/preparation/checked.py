"""Loads the images that one stage uses, opened and found sound."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from htl_monai.data.preparation.left_out import Sieve, Skipped, warn_of_skipped, write_skipped
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
    """Read data lists for one stage, see :func:`~htl_monai.data.readers.datalists.load_datalists`, and check them.

    Args:
        split: see :func:`check_lists`, as for ``masks``, ``skip_unusable`` and ``progress``.
        skipped_path: where to write which images are left out, and why, if any are; None for nowhere.
    """
    datalists = load_datalists(dataset_dir, columns, on_missing="keep")
    datalists, skipped = check_lists(datalists, dataset_dir, split, masks, skip_unusable, progress)
    warn_of_skipped(skipped)
    if skipped and skipped_path is not None:
        write_skipped(skipped_path, skipped)
    return datalists


def check_lists(
    datalists: Datalists,
    source: str | os.PathLike[str],
    split: str = "training",
    masks: bool = True,
    skip_unusable: bool = False,
    progress: bool = False,
) -> tuple[Datalists, list[Skipped]]:
    """Open every image and mask of one split, as the stage preparing does with all.

    Args:
        datalists: read with ``on_missing="keep"``.
        source: where they were read from. A ``data.json`` that preparing wrote is not opened again while neither its
            lists nor their files have changed.
        split: the list whose images are used, or ``all``.
        masks: whether an image needs a mask; without them masks are passed over.
        skip_unusable: leave out what cannot be used, and name it; otherwise it stops the run.

    Returns:
        the data lists, the used ones without their unusable images, the others as they are; and one row for each image
        that was left out.

    Raises:
        ValueError: there is no such split, it has no image that can be used, or one that cannot without
            ``skip_unusable``.
    """
    known, checked, sieve = has_mark(source, datalists), dict(datalists), Sieve(skip_unusable, progress)
    for name in lists_of(split, masks):
        items = datalists[name] if masks else without_masks(datalists[name])
        if not known or (masks and any("label" not in item for item in items)):
            items = sieve.usable(items, name, masks)
        checked[name] = items
    if not images_of(checked, split, masks):
        there = ", ".join(f"{len(items)} in {name}" for name, items in datalists.items() if items) or "none"
        used = " that can be used" if sieve.skipped else ""
        raise ValueError(
            f"split must be one with images{used}, got {split} of {source}, which has {there}; choose another"
        )
    return checked, sieve.skipped


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
