"""Leaves out of data lists what must not be used, names each image, and writes the lists."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from htl_monai.data.files import write_csv, write_text
from htl_monai.data.preparation.examine import find_unusable
from htl_monai.data.preparation.near_duplicates import near_duplicates
from htl_monai.data.readers.listing import SPLITS, Datalists, Item, name_first
from htl_monai.data.readers.prepared_list import with_mark

# id, split, reason
Skipped = dict[str, str]


class Sieve:
    """Lets the images of data lists through that may be used, and remembers each other one, and why.

    Args:
        skip_unusable: leave out unusable images; otherwise they stop the run.

    Example:
        >>> sieve = Sieve()
        >>> sieve.without([{"id": "a"}, {"id": "b"}], "test", {"b": "it is no PNG"}), sieve.skipped
        ([{'id': 'a'}], [{'id': 'b', 'split': 'test', 'reason': 'it is no PNG'}])
    """

    def __init__(self, skip_unusable: bool = False, progress: bool = False) -> None:
        self.skip_unusable, self.progress = skip_unusable, progress
        self.skipped: list[Skipped] = []
        self.duplicates: list[pd.DataFrame] = []

    def without(self, items: Sequence[Item], split: str, reasons: Mapping[str, str]) -> list[Item]:
        """Return the images of one list that have no reason, by id, to be left out."""
        self.skipped += [{"id": id_, "split": split, "reason": reason} for id_, reason in reasons.items()]
        return [item for item in items if item["id"] not in reasons]

    def usable(
        self,
        items: Sequence[Item],
        split: str,
        masks: bool,
        find: Callable[[Sequence[Item]], dict[str, str]] | None = None,
    ) -> list[Item]:
        """Open every image of one list, and its mask where it has one, and return what a training can use.

        Args:
            masks: whether an image without mask is unusable.
            find: another way to look for the reasons by id; None decodes image and mask.
        """
        reasons = {item["id"]: "image or mask is missing" for item in items if masks and "label" not in item}
        if self.skip_unusable or not reasons:
            reasons = (find(items) if find else find_unusable(items, self.progress)) | reasons
        if reasons and not self.skip_unusable:
            first = next(iter(reasons))
            raise ValueError(
                f"{split} must hold usable images only, got {len(reasons)} that are not ({name_first(list(reasons))}); "
                f"{first}: {reasons[first]}; fix them, or leave them out with skip_unusable=true"
            )
        return self.without(items, split, reasons)

    def new(self, items: Sequence[Item], split: str, test: Sequence[Item], leave_out: bool) -> list[Item]:
        """Compare one list with the test images; their near-duplicates are listed, and left out where asked for."""
        table = near_duplicates(items, test, progress=self.progress)
        self.duplicates.append(table)
        nearest = table.drop_duplicates("id") if leave_out else table.head(0)
        reasons = {
            str(row.id): f"near-duplicate of test image {row.other_id} ({row.distance} bits)"
            for row in nearest.itertuples()
        }
        return self.without(items, split, reasons)


def require_images(datalists: Datalists) -> None:
    """Refuse data lists of which training, validation or test is empty.

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
    out_path: str | os.PathLike[str], datalists: Datalists, sieve: Sieve, notes: Sequence[str] = ()
) -> Datalists:
    """Write and return data lists of which each image was opened, and beside them what was left out; and warn.

    One image is a line, so that a file of 100,000 images can be looked into.
    """
    out_path = Path(out_path)
    warn_of_skipped(sieve.skipped)
    if sieve.duplicates:
        write_csv(out_path.with_name("near_duplicates.csv"), pd.concat(sieve.duplicates, ignore_index=True))
    write_skipped(out_path.with_name("skipped.csv"), sieve.skipped)
    entries = []
    for name, value in with_mark(datalists, notes).items():
        values = value if isinstance(value, list) else []
        lines = ",\n        ".join(json.dumps(item, ensure_ascii=False, allow_nan=False) for item in values)
        entries.append(f'    "{name}": ' + (f"[\n        {lines}\n    ]" if values else json.dumps(value)))
    write_text(out_path, "{\n" + ",\n".join(entries) + "\n}\n")
    return datalists


def write_skipped(path: str | os.PathLike[str], skipped: Sequence[Skipped]) -> None:
    """Write which images are left out, and why."""
    write_csv(path, pd.DataFrame(skipped, columns=["id", "split", "reason"]))


def warn_of_skipped(skipped: Sequence[Skipped]) -> None:
    """Warn of the images that were left out, where there are any."""
    if skipped:
        # A stage's log holds its warnings, and names of files and patients have no place in a log.
        warnings.warn(f"{len(skipped)} images are left out; skipped.csv names them", stacklevel=4)
