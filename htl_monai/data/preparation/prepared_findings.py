"""Turns a multi-label data set into what every stage reads: data lists as JSON, and a cache of the images."""

from __future__ import annotations

import json
import os
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.files import write_text
from htl_monai.data.images.image_cache import ImageCache
from htl_monai.data.preparation.left_out import Sieve, require_images, warn_of_skipped, write_skipped
from htl_monai.data.readers.listing import LISTS, SPLITS, Datalists, name_first
from htl_monai.data.readers.multi_label import MultiLabelData, load_multi_label
from htl_monai.data.readers.prepared_list import NOTES


def prepare_findings(
    dataset_dir: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    cache_path: str | os.PathLike[str],
    spatial_size: Sequence[int],
    columns: Mapping[str, Any] | None = None,
    skip_unusable: bool = False,
    num_workers: int = 2,
    progress: bool = False,
) -> MultiLabelData:
    """Read a multi-label data set, decode every image once into the cache, and write and return its data lists.

    A class without any positive label in a split, or in all of them, is no error here: what is measured of it is NaN.
    A subject with images in two splits is warned of, because a network is then tested on people that it was trained on.

    Args:
        dataset_dir: see :func:`~htl_monai.data.readers.multi_label.load_multi_label`.
        out_path: the JSON file to write: ``classes`` and the data lists, one image a line. ``skipped.csv`` is written
            beside it: which images are left out, and why.
        cache_path: the folder to write, see :class:`~htl_monai.data.images.image_cache.ImageCache`. What is decoded
            stays there if the run stops.
        spatial_size: height and width of the images in the cache, in pixels.
        skip_unusable: leave out images that are missing or unreadable, and name them; otherwise they stop the run.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: a missing or unreadable image without ``skip_unusable``, or a split without images.
    """
    notes: list[str] = []
    data = load_multi_label(dataset_dir, columns, "keep" if skip_unusable else "raise", say=notes.append)
    sieve = Sieve(skip_unusable)
    datalists = _without(data.datalists, _missing(data.datalists), sieve)
    items = [item for name in LISTS for item in datalists[name]]
    unreadable = ImageCache(cache_path, spatial_size).fill(items, num_workers, progress)
    damaged = [item["id"] for item in items if item["id"] in unreadable]
    if damaged and not skip_unusable:
        raise ValueError(
            f"every image must be readable, got {len(damaged)} that are not ({name_first(damaged)}), "
            f"{damaged[0]}: {unreadable[damaged[0]]}, or leave them out with skip_unusable=true"
        )
    datalists = _without(datalists, {id_: f"unreadable image: {why}" for id_, why in unreadable.items()}, sieve)
    warn_of_skipped(sieve.skipped)
    _warn_of_parted_subjects(datalists)
    write_skipped(Path(out_path).with_name("skipped.csv"), sieve.skipped)
    write_text(out_path, _as_text({"classes": data.classes, **({NOTES: notes} if notes else {}), **datalists}))
    return MultiLabelData(data.classes, datalists)


def _missing(datalists: Datalists) -> dict[str, str]:
    items = [item for part in datalists.values() for item in part]
    return {item["id"]: f"missing image: {item['image']}" for item in items if not os.path.isfile(item["image"])}


def _without(datalists: Datalists, reasons: Mapping[str, str], sieve: Sieve) -> Datalists:
    kept = {}
    for name in LISTS:
        here = {item["id"]: reasons[item["id"]] for item in datalists[name] if item["id"] in reasons}
        kept[name] = sieve.without(datalists[name], name, here)
    require_images(kept)
    return kept


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


def _as_text(content: Mapping[str, Sequence[Any]]) -> str:
    """Return JSON with one image a line, so that a file of 100,000 images can be looked into."""
    entries = []
    for name, values in content.items():
        lines = ",\n        ".join(json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values)
        entries.append(f'    "{name}": [\n        {lines}\n    ]' if values else f'    "{name}": []')
    return "{\n" + ",\n".join(entries) + "\n}\n"
