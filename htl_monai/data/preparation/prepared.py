"""Turns a data set into the one file that every stage reads: checked data lists as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping

from htl_monai.data.preparation.left_out import Sieve, require_images
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import LISTS, UNLABELLED, Datalists


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
        dataset_dir: see :func:`~htl_monai.data.readers.datalists.load_datalists`.
        out_path: the JSON file to write. ``skipped.csv`` is written beside it: which images are left out, and why.
        skip_unusable: leave out images that are unreadable, have no mask, an empty one or one of another size, and
            name them; otherwise the first of them stops the run.
        use_unlabelled: write the images without mask, too, and ``near_duplicates.csv``: which of them show the same
            picture as a test image. Otherwise their list is written empty and none is opened.
        leave_out_near_duplicates: leave these out, and name them.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: an unusable image without ``skip_unusable``, a split without images, or ``use_unlabelled`` without
            unlabelled images.
    """
    notes: list[str] = []
    on_missing = "keep" if skip_unusable else "raise"
    datalists = load_datalists(dataset_dir, columns, on_missing=on_missing, say=notes.append)
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
    sieve.write(out_path, datalists, notes)
    return datalists


def _require_unlabelled(datalists: Datalists, use_unlabelled: bool, dataset_dir: str | os.PathLike[str]) -> None:
    if use_unlabelled and not datalists[UNLABELLED]:
        raise ValueError(
            f"unlabelled must hold at least one usable image, got no unlabelled images in {dataset_dir}; name some "
            "unlabelled in the column split, or give a folder with both ISIC-2017 and ISIC-2018 Task 3"
        )
