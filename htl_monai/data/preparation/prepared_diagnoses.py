"""Turns a data set into the one file of the weakly supervised setting: diagnoses to train on, masks to test on."""

from __future__ import annotations

import os
from collections.abc import Mapping

from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.preparation.left_out import Sieve, require_images
from htl_monai.data.preparation.splitting import split_by_subject
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import UNLABELLED, Datalists, without_masks


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
    """Read a data set, open every image once, and write the data lists of the weakly supervised setting.

    Training and validation come from the unlabelled images, split by subject, where there are some; otherwise they are
    the data set's own. Their masks are not used. Images without diagnosis are left out.

    Args:
        dataset_dir: see :func:`~htl_monai.data.readers.datalists.load_datalists`.
        out_path: the JSON file to write. Beside it are written ``skipped.csv``: which images are left out, and why; and
            ``near_duplicates.csv``: which of training and validation show the same picture as a test image.
        skip_unusable: leave out images that are unreadable, and test images whose mask is missing, unreadable, empty or
            of another size, and name them; otherwise they stop the run.
        leave_out_near_duplicates: leave out the near-duplicates of test images, and name them.
        validation_share: share of the unlabelled images that becomes the validation list, in (0, 1).
        seed: of that choice.

    Returns:
        The data lists as written: ``training`` and ``validation`` with ``diagnosis`` and without ``label``, ``test``
        with masks, ``unlabelled`` empty.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: ``validation_share`` out of range, no test image with a mask, an unusable image without
            ``skip_unusable``, a split without images, fewer than two diagnoses, or one that training lacks.
    """
    if not 0 < validation_share < 1:
        raise ValueError(f"validation_share must be in (0, 1), got {validation_share}; 0.1 is the default")
    notes: list[str] = []
    datalists = load_datalists(dataset_dir, columns, on_missing="keep", say=notes.append)
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
    _require_classes(datalists)
    sieve.write(out_path, datalists, notes)
    return datalists


def _require_classes(datalists: Datalists) -> None:
    classes = class_names([*datalists["training"], *datalists["validation"]])
    trained = {item["diagnosis"] for item in datalists["training"]}
    absent = [name for name in classes if name not in trained]
    if absent:
        raise ValueError(
            f"every diagnosis must have images in training, got none of {', '.join(absent)}; add some, or remove the "
            "images of these diagnoses from validation"
        )
