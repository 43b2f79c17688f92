"""Turns a data set into the one file that every stage reads: checked data lists as JSON."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from htl_monai.data.check import find_unusable
from htl_monai.data.datalists import load_datalists
from htl_monai.data.files import write_csv, write_json
from htl_monai.data.listing import SPLITS, Datalists, name_first

__all__ = ["prepare_data"]


def prepare_data(
    dataset_dir: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    skip_unusable: bool = False,
    progress: bool = False,
) -> Datalists:
    """Read a data set, open every image and mask once, and write its data lists.

    Args:
        dataset_dir: see :func:`~htl_monai.data.datalists.load_datalists`.
        out_path: the JSON file to write. ``skipped.csv`` is written beside it: which images are left out, and why.
        columns: see :func:`~htl_monai.data.datalists.load_datalists`.
        skip_unusable: leave out images that are unreadable, have no mask, an empty one or one of another size, and
            name them; otherwise the first of them stops the run.
        progress: show a progress bar on stderr.

    Returns:
        The data lists as written.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: an unusable image without ``skip_unusable``, or a split without images.
    """
    datalists = load_datalists(dataset_dir, columns, on_missing="skip" if skip_unusable else "raise")
    complete = load_datalists(dataset_dir, columns, on_missing="keep") if skip_unusable else datalists
    skipped = []
    for split in SPLITS:
        reasons = find_unusable(datalists[split], progress)
        kept = {item["id"] for item in datalists[split]}
        reasons |= {item["id"]: "image or mask is missing" for item in complete[split] if item["id"] not in kept}
        if reasons and not skip_unusable:
            first = next(iter(reasons))
            raise ValueError(
                f"{split} must hold usable images only, got {len(reasons)} that are not ({name_first(list(reasons))}); "
                f"{first}: {reasons[first]}; mend them, or leave them out with skip_unusable=true"
            )
        datalists[split] = [item for item in datalists[split] if item["id"] not in reasons]
        skipped += [{"id": id_, "split": split, "reason": reason} for id_, reason in reasons.items()]
    empty = [split for split in SPLITS if not datalists[split]]
    if empty:
        raise ValueError(
            f"each split must hold at least one usable image, got none in {', '.join(empty)}; "
            "name training, validation and test in the column split"
        )
    if skipped:
        warnings.warn(
            f"{len(skipped)} images are left out: {name_first([str(row['id']) for row in skipped])}; see skipped.csv",
            stacklevel=2,
        )
    write_csv(Path(out_path).with_name("skipped.csv"), pd.DataFrame(skipped, columns=["id", "split", "reason"]))
    write_json(out_path, datalists)
    return datalists
