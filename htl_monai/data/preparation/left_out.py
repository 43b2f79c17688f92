"""Leaves out of data lists what must not be used, names each image, and writes the lists."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from htl_monai.data.files import write_csv, write_json
from htl_monai.data.preparation.check_mark import with_mark
from htl_monai.data.preparation.examine import find_unusable
from htl_monai.data.preparation.near_duplicates import near_duplicates
from htl_monai.data.readers.listing import SPLITS, Datalists, Item, name_first

__all__ = [
    "Skipped",
    "keep_new",
    "keep_usable",
    "require_images",
    "set_aside",
    "warn_of_skipped",
    "write_lists",
    "write_skipped",
]

# id, split, reason
Skipped = dict[str, str]


def keep_usable(
    items: Sequence[Item], split: str, masks: bool, skip_unusable: bool, progress: bool = False
) -> tuple[list[Item], list[Skipped]]:
    """Open every image of one list, and its mask where it has one, and keep what a training can use.

    Args:
        items: the list.
        split: its name.
        masks: whether an image without mask is unusable.
        skip_unusable: leave unusable images out; otherwise they stop the run.
        progress: show a progress bar on stderr.

    Returns:
        the usable images, and one row for each other one.

    Raises:
        ValueError: there are unusable images and ``skip_unusable`` is false.
    """
    reasons = {item["id"]: "image or mask is missing" for item in items if masks and "label" not in item}
    if skip_unusable or not reasons:
        reasons = find_unusable(items, progress) | reasons
    if reasons and not skip_unusable:
        first = next(iter(reasons))
        raise ValueError(
            f"{split} must hold usable images only, got {len(reasons)} that are not ({name_first(list(reasons))}); "
            f"{first}: {reasons[first]}; fix them, or leave them out with skip_unusable=true"
        )
    return set_aside(items, split, reasons)


def keep_new(
    items: Sequence[Item], split: str, test: Sequence[Item], leave_out: bool, progress: bool = False
) -> tuple[list[Item], list[Skipped], pd.DataFrame]:
    """Compare one list with the test images, see :func:`~htl_monai.data.preparation.near_duplicates.near_duplicates`.

    Args:
        items: the list.
        split: its name.
        test: the test images.
        leave_out: leave out the near-duplicates; otherwise they are listed only.
        progress: show progress bars on stderr.

    Returns:
        the images to go on with, one row for each other one, and the table of near-duplicates.
    """
    table = near_duplicates(items, test, progress=progress)
    nearest = table.drop_duplicates("id") if leave_out else table.head(0)
    reasons = {
        str(row.id): f"near-duplicate of test image {row.other_id} ({row.distance} bits)"
        for row in nearest.itertuples()
    }
    return *set_aside(items, split, reasons), table


def set_aside(items: Sequence[Item], split: str, reasons: Mapping[str, str]) -> tuple[list[Item], list[Skipped]]:
    """Return the images of one list that have no reason to be left out, and one row for each other one.

    Example:
        >>> set_aside([{"id": "a"}, {"id": "b"}], "test", {"b": "it is no PNG"})
        ([{'id': 'a'}], [{'id': 'b', 'split': 'test', 'reason': 'it is no PNG'}])
    """
    kept = [item for item in items if item["id"] not in reasons]
    return kept, [{"id": id_, "split": split, "reason": reason} for id_, reason in reasons.items()]


def require_images(datalists: Datalists) -> None:
    """Stop where a split has no image.

    Raises:
        ValueError: training, validation or test is empty.
    """
    empty = [split for split in SPLITS if not datalists[split]]
    if empty:
        raise ValueError(
            f"each split must hold at least one usable image, got none in {', '.join(empty)}; "
            "name training, validation and test in the column split"
        )


def write_lists(
    out_path: str | os.PathLike[str],
    datalists: Datalists,
    skipped: Sequence[Skipped],
    duplicates: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write the data lists, with ``skipped.csv`` and ``near_duplicates.csv`` (unless None) beside them, and warn.

    Each of their images was opened: the file says so, see :func:`~htl_monai.data.preparation.check_mark.with_mark`.
    """
    warn_of_skipped(skipped)
    if duplicates is not None:
        write_csv(Path(out_path).with_name("near_duplicates.csv"), duplicates)
    write_skipped(Path(out_path).with_name("skipped.csv"), skipped)
    write_json(out_path, with_mark(datalists, notes))


def write_skipped(path: str | os.PathLike[str], skipped: Sequence[Skipped]) -> None:
    """Write which images are left out, and why."""
    write_csv(path, pd.DataFrame(skipped, columns=["id", "split", "reason"]))


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Warn of the images that were left out, where there are any."""
    if skipped:
        # A stage's log holds its warnings, and names of files and patients have no place in a log.
        warnings.warn(f"{len(skipped)} images are left out; skipped.csv names them", stacklevel=4)
