"""Checks a data set before anything is trained on it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from htl_monai.data.images.pictures import SUFFIXES
from htl_monai.data.preparation.examine import FATAL, examine_all, has_mask
from htl_monai.data.preparation.near_duplicates import near_duplicates
from htl_monai.data.readers.listing import UNLABELLED, Item, name_first


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one image: its kind, such as ``empty_mask``, and the words for a person.

    ``id`` is the file's name where there is no image.
    """

    kind: str
    split: str
    id: str
    detail: str

    @property
    def fatal(self) -> bool:
        """Whether it must be solved before a training; the other problems are notes."""
        return self.kind in FATAL


@dataclass(frozen=True)
class DataReport:
    """What ``check_data`` found.

    Args:
        counts: one row per split: ``images``, ``with_mask``.
        coverage: one row a metadata column, one column per split: share of the images in [0, 1] whose value is known,
            NaN for an empty split.
        problems: all problems, in the order of the data list.
    """

    counts: pd.DataFrame
    coverage: pd.DataFrame
    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """Whether there is no fatal problem."""
        return not any(problem.fatal for problem in self.problems)

    def table(self) -> pd.DataFrame:
        """Return one row per kind of problem: ``kind``, ``fatal``, the number in each split, the first ``ids``."""
        splits = list(self.counts.index)
        by_kind = defaultdict(list)
        for problem in self.problems:
            by_kind[problem.kind].append(problem)
        rows = []
        for kind in sorted(by_kind, key=lambda kind: (kind not in FATAL, kind)):
            found = by_kind[kind]
            numbers = {split: sum(problem.split == split for problem in found) for split in splits}
            ids = list(dict.fromkeys(problem.id for problem in found))
            rows.append({"kind": kind, "fatal": kind in FATAL, **numbers, "ids": name_first(ids)})
        return pd.DataFrame(rows, columns=["kind", "fatal", *splits, "ids"])


def check_data(
    datalists: Mapping[str, Sequence[Item]], decode: bool = True, require_masks: bool = True, progress: bool = False
) -> DataReport:
    """Look for everything in a data set that would break a training or distort its evaluation.

    Load the lists with ``on_missing="keep", unique_ids=False`` to have those problems reported with the others.

    Args:
        datalists: the data list of each split; in ``unlabelled`` masks are never required.
        decode: open every image and mask; without it only ids, files and metadata are looked at.
        require_masks: report images without mask; an image whose label is a vector of classes needs none.

    Returns:
        the report. Repeated ids, missing files, unreadable images and masks, empty masks and masks of another size are
        fatal. Notes are: the same image file in two splits (a leak, of which the official ISIC-2017 has four) or twice
        in one, unlabelled images that show the same picture as a test image (``near_duplicate_of_test``, looked for
        where images are opened), masks without image, masks that are foreground everywhere or hold more than two
        values, images that are not RGB.
    """
    counts = {split: (len(items), sum(map(has_mask, items))) for split, items in datalists.items()}
    problems = [*_repeated_ids(datalists), *_missing(datalists, require_masks), *_masks_without_image(datalists)]
    if decode:
        problems += [*_decoded(datalists, progress), *_near_test(datalists, progress)]
    return DataReport(
        counts=pd.DataFrame.from_dict(counts, orient="index", columns=["images", "with_mask"]),
        coverage=_coverage(datalists),
        problems=problems,
    )


def _placed(datalists: Mapping[str, Sequence[Item]]) -> list[tuple[str, Item]]:
    return [(split, item) for split, items in datalists.items() for item in items]


def _repeated_ids(datalists: Mapping[str, Sequence[Item]]) -> Iterable[Problem]:
    first: dict[str, str] = {}
    for split, item in _placed(datalists):
        if item["id"] in first:
            yield Problem("duplicate_id", split, item["id"], f"the id is already in {first[item['id']]}")
        first.setdefault(item["id"], split)


def _missing(datalists: Mapping[str, Sequence[Item]], require_masks: bool) -> Iterable[Problem]:
    for split, item in _placed(datalists):
        if not os.path.isfile(item["image"]):
            yield Problem("missing_image", split, item["id"], f"{item['image']} is not there")
        if require_masks and split != UNLABELLED and "label" not in item:
            yield Problem("image_without_mask", split, item["id"], f"no mask for {item['image']}")


def _masks_without_image(datalists: Mapping[str, Sequence[Item]]) -> Iterable[Problem]:
    """Name the files of the mask folders that no item refers to; a folder that also holds images tells nothing.

    Such a file belongs to no split; it is counted to one whose masks lie beside it.
    """
    image_folders = {os.path.dirname(item["image"]) for _, item in _placed(datalists)}
    masks = {item["label"]: split for split, item in _placed(datalists) if has_mask(item)}
    folders = {os.path.dirname(path): split for path, split in masks.items()}
    for folder in sorted(set(folders) - image_folders):
        for path in sorted(Path(folder).iterdir()):
            is_mask = path.name.lower().endswith(SUFFIXES) and not path.stem.endswith("_superpixels")
            if is_mask and str(path) not in masks:
                yield Problem("mask_without_image", folders[folder], path.name, f"{path} belongs to no listed image")


def _decoded(datalists: Mapping[str, Sequence[Item]], progress: bool) -> Iterable[Problem]:
    places = _placed(datalists)
    first: dict[str, tuple[str, str]] = {}
    examined = examine_all([item for _, item in places], progress)
    for (split, item), (findings, digest) in zip(places, examined, strict=True):
        for kind, detail in findings.items():
            if kind != "missing_image":  # reported by its path already
                yield Problem(kind, split, item["id"], detail)
        if digest is None:
            continue
        if digest in first:
            other_split, other = first[digest]
            kind = "same_image_within_split" if other_split == split else "same_image_across_splits"
            yield Problem(kind, split, item["id"], f"same file content as {other} in {other_split}")
        first.setdefault(digest, (split, item["id"]))


def _near_test(datalists: Mapping[str, Sequence[Item]], progress: bool) -> Iterable[Problem]:
    test, unlabelled = (datalists.get(name, []) for name in ("test", UNLABELLED))
    if test and unlabelled:
        for row in near_duplicates(unlabelled, test, progress=progress).itertuples():
            detail = f"same picture as {row.other_id} in test but for {row.distance} bits"
            yield Problem("near_duplicate_of_test", UNLABELLED, str(row.id), detail)


def _coverage(datalists: Mapping[str, Sequence[Item]]) -> pd.DataFrame:
    columns = dict.fromkeys(name for _, item in _placed(datalists) for name in item)
    names = [name for name in columns if name not in ("id", "image", "label")]
    tables = {split: pd.DataFrame(list(items), columns=names) for split, items in datalists.items()}
    return pd.DataFrame({split: table.notna().mean() for split, table in tables.items()}, index=names, dtype=float)
