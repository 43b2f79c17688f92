"""Turns a data set into the one file that every stage reads: data lists as JSON, of which each image was opened."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from htl_monai.data.images.image_cache import ImageCache
from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.preparation.left_out import Sieve, require_images, write_lists
from htl_monai.data.preparation.splitting import split_by_subject
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import LISTS, SPLITS, UNLABELLED, Datalists, Item, without_masks


def prepare_data(
    dataset_dir: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    skip_unusable: bool = False,
    use_unlabelled: bool = False,
    leave_out_near_duplicates: bool = True,
    progress: bool = False,
) -> Datalists:
    """Read a data set, open every image and mask once, and write and return its data lists.

    Args:
        dataset_dir: see :func:`~htl_monai.data.readers.datalists.load_datalists`, as for ``columns``.
        out_path: the JSON file to write. Beside it are written ``skipped.csv``: which images are left out, and why; and
            where they are sought ``near_duplicates.csv``: which images show the same picture as a test image.
        skip_unusable: leave out images that are missing or unreadable, or need a mask and have none, an empty one or
            one of another size, and name them; otherwise the first of them stops the run.
        use_unlabelled: write the images without mask, too. Otherwise their list is written empty and none is opened.
        leave_out_near_duplicates: leave out unlabelled images that are near-duplicates of test images, and name them.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: an unusable image without ``skip_unusable``, a split without images, or ``use_unlabelled`` without
            unlabelled images.
    """
    notes: list[str] = []
    datalists = load_datalists(dataset_dir, columns, "keep" if skip_unusable else "raise", say=notes.append)
    if not use_unlabelled:
        datalists[UNLABELLED] = []
    _require_unlabelled(datalists, use_unlabelled, dataset_dir)
    sieve = Sieve(skip_unusable, progress)
    for name in LISTS:
        datalists[name] = sieve.usable(datalists[name], name, name != UNLABELLED)
    require_images(datalists)
    if use_unlabelled:
        unlabelled, test = datalists[UNLABELLED], datalists["test"]
        datalists[UNLABELLED] = sieve.new(unlabelled, UNLABELLED, test, leave_out_near_duplicates)
    _require_unlabelled(datalists, use_unlabelled, dataset_dir)
    return write_lists(out_path, datalists, sieve, notes)


def prepare_diagnoses(
    dataset_dir: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    skip_unusable: bool = False,
    leave_out_near_duplicates: bool = True,
    validation_share: float = 0.1,
    seed: int = 0,
    progress: bool = False,
) -> Datalists:
    """Do as :func:`prepare_data` for the weakly supervised setting: diagnoses to train on, masks to test on.

    Training and validation come from the unlabelled images, split by subject, where there are some; otherwise they are
    the data set's own. Their masks are not used. Images without diagnosis are left out, and so are near-duplicates of
    test images; ``unlabelled`` is empty.

    Args:
        validation_share: share of the unlabelled images that becomes the validation list, in (0, 1).
        seed: of that choice.

    Raises:
        ValueError: as there; ``validation_share`` out of range, no test image with a mask, fewer than two diagnoses, or
            one that training lacks.
    """
    if not 0 < validation_share < 1:
        raise ValueError(f"validation_share must be in (0, 1), got {validation_share}; 0.1 is the default")
    notes: list[str] = []
    datalists = load_datalists(dataset_dir, columns, "keep", say=notes.append)
    test = datalists["test"]
    if not any("label" in item for item in test):
        raise ValueError(
            f"test must hold images with masks, got none among {len(test)} in {dataset_dir}; add masks to the test "
            "images, or give a folder with both ISIC-2017 and ISIC-2018 Task 3"
        )
    sieve = Sieve(skip_unusable, progress)
    test = sieve.usable(test, "test", masks=True)
    has_unlabelled = bool(datalists[UNLABELLED])
    for name in [UNLABELLED] if has_unlabelled else ["training", "validation"]:
        items = sieve.usable(without_masks(datalists[name]), name, masks=False)
        unnamed = [item["id"] for item in items if item.get("diagnosis") is None]
        items = sieve.without(items, name, dict.fromkeys(unnamed, "diagnosis is not known"))
        datalists[name] = sieve.new(items, name, test, leave_out_near_duplicates)
    if has_unlabelled:
        shares = {"training": 1 - validation_share, "validation": validation_share}
        datalists |= split_by_subject(datalists[UNLABELLED], shares, seed)
    datalists |= {"test": test, UNLABELLED: []}
    require_images(datalists)
    _require_diagnoses(datalists)
    return write_lists(out_path, datalists, sieve, notes)


def prepare_findings(
    dataset_dir: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    cache_path: str | os.PathLike[str],
    spatial_size: Sequence[int],
    columns: Mapping[str, Any] | None = None,
    skip_unusable: bool = False,
    num_workers: int = 2,
    progress: bool = False,
) -> Datalists:
    """Do as :func:`prepare_data` for images of several findings each, and decode them all into a cache.

    A class without any positive label in a split, or in all of them, is no error here: what is measured of it is NaN.
    A subject with images in two splits is warned of, because a network is then tested on people that it was trained on.

    Args:
        cache_path: the folder of an :class:`~htl_monai.data.images.image_cache.ImageCache`. What is decoded stays there
            if the run stops.
        spatial_size: height and width of the images in the cache, in pixels.
    """
    notes: list[str] = []
    cache, sieve = ImageCache(cache_path, spatial_size), Sieve(skip_unusable, progress)
    on_missing = "keep" if skip_unusable else "raise"
    datalists = load_datalists(dataset_dir, columns, on_missing, say=notes.append, findings=True)
    look = partial(_unreadable, cache=cache, num_workers=num_workers, progress=progress)
    for name in LISTS:
        datalists[name] = sieve.usable(datalists[name], name, False, look)
    require_images(datalists)
    _warn_of_parted_subjects(datalists)
    return write_lists(out_path, datalists, sieve, notes)


def _unreadable(items: Sequence[Item], cache: ImageCache, num_workers: int, progress: bool) -> dict[str, str]:
    """Decode images, and return the reason by id of each that cannot be used."""
    lost = {item["id"]: f"missing image: {item['image']}" for item in items if not os.path.isfile(item["image"])}
    faults = cache.fill([item for item in items if item["id"] not in lost], num_workers, progress)
    return lost | {id_: f"unreadable image: {why}" for id_, why in faults.items()}


def _warn_of_parted_subjects(datalists: Datalists) -> None:
    splits: dict[Any, set[str]] = defaultdict(set)
    for name in SPLITS:
        for item in datalists[name]:
            splits[item.get("subject")].add(name)
    parted = [subject for subject, names in splits.items() if subject is not None and len(names) > 1]
    if parted:
        warnings.warn(
            f"subjects should stand in one split, got {len(parted)} in several; the results on the test images may be "
            "too good, so deal out the images by subject",
            stacklevel=3,
        )


def _require_diagnoses(datalists: Datalists) -> None:
    classes = class_names([*datalists["training"], *datalists["validation"]])
    trained = {item["diagnosis"] for item in datalists["training"]}
    absent = [name for name in classes if name not in trained]
    if absent:
        raise ValueError(
            f"every diagnosis must have images in training, got none of {', '.join(absent)}; add some, or remove the "
            "images of these diagnoses from validation"
        )


def _require_unlabelled(datalists: Datalists, use_unlabelled: bool, dataset_dir: str | os.PathLike[str]) -> None:
    if use_unlabelled and not datalists[UNLABELLED]:
        raise ValueError(
            f"unlabelled must hold at least one usable image, got no unlabelled images in {dataset_dir}; name some "
            "unlabelled in the column split, or give a folder with both ISIC-2017 and ISIC-2018 Task 3"
        )
