"""Data lists from the official folders of the ISIC-2017 challenge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from htl_monai.data.readers.listing import (
    SPLITS,
    UNLABELLED,
    Datalists,
    Item,
    check_on_missing,
    require_unique_ids,
    settle_missing,
)
from htl_monai.data.readers.official_tables import IMAGE_SUFFIXES, age_years, known_word, read_rows

__all__ = ["has_isic2017_layout", "read_isic2017"]

# The official test split was published a second time, as "Test_v2".
PREFIXES = {
    split: f"ISIC-2017_{part}" for split, part in zip(SPLITS, ("Training", "Validation", "Test_v2"), strict=True)
}


def has_isic2017_layout(dataset_dir: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds at least one of the three official image folders."""
    return any(os.path.isdir(Path(dataset_dir) / f"{prefix}_Data") for prefix in PREFIXES.values())


def read_isic2017(dataset_dir: str | os.PathLike[str], on_missing: str = "raise", unique_ids: bool = True) -> Datalists:
    """List the images, masks (Part 1), diagnoses (Part 3) and metadata of ISIC-2017; no image is opened.

    Items are sorted by id. ``*_superpixels.png`` files are passed over. A metadata or Part 3 csv that is not there, a
    row that is not there and the value ``unknown`` all give None.

    Args:
        dataset_dir: the folder that holds ``ISIC-2017_Training_Data``, ``ISIC-2017_Training_Part1_GroundTruth``,
            ``ISIC-2017_Training_Part3_GroundTruth.csv`` and the same of ``Validation`` and ``Test_v2``.
        on_missing: what to do with an image without mask: ``raise``; ``skip`` leaves it out and names it in a warning;
            ``keep`` lists it without the key ``label``.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.

    Returns:
        ``training``, ``validation`` and ``test``, each a list of dicts with ``id``, ``image``, ``label``, ``age``
        (years), ``sex`` (male, female) and ``diagnosis`` (melanoma, seborrheic_keratosis, nevus), and ``unlabelled``,
        which is empty. A split whose image folder is not there is empty. Paths are absolute.

    Raises:
        FileNotFoundError: the training images' folder is not there.
        ValueError: an image lacks its mask, or an id occurs twice.
        KeyError: a csv has no ``image_id`` column.
    """
    check_on_missing(on_missing)
    root = Path(dataset_dir).absolute()
    training = root / f"{PREFIXES['training']}_Data"
    if not training.is_dir():
        raise FileNotFoundError(
            f"dataset_dir must hold the folder {training.name}, got {root}; give ISIC-2017's folder"
        )
    datalists = {split: _read_split(root, prefix, on_missing) for split, prefix in PREFIXES.items()}
    datalists[UNLABELLED] = []
    if unique_ids:
        require_unique_ids(datalists)
    return datalists


def _read_split(root: Path, prefix: str, on_missing: str) -> list[Item]:
    images, masks = root / f"{prefix}_Data", root / f"{prefix}_Part1_GroundTruth"
    if not images.is_dir():
        return []
    metadata = read_rows(images / f"{prefix}_Data_metadata.csv", "image_id")
    diagnoses = read_rows(root / f"{prefix}_Part3_GroundTruth.csv", "image_id")
    mask_names = set(os.listdir(masks)) if masks.is_dir() else set()
    items, missing = [], []
    for path in sorted(images.iterdir(), key=lambda path: path.stem):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.stem.endswith("_superpixels"):
            continue
        id_, mask_name = path.stem, f"{path.stem}_segmentation.png"
        item: Item = {"id": id_, "image": str(path)}
        if mask_name in mask_names:
            item["label"] = str(masks / mask_name)
        else:
            missing.append(id_)
        row = metadata.get(id_, {})
        item["age"] = age_years(row.get("age_approximate"), id_, "age_approximate")
        item["sex"] = known_word(row.get("sex"))
        item["diagnosis"] = _diagnosis(diagnoses.get(id_))
        items.append(item)
    return settle_missing(items, missing, "mask", str(masks), on_missing)


def _diagnosis(row: dict[str, Any] | None) -> str | None:
    if row is None:
        return None
    for name in ("melanoma", "seborrheic_keratosis"):
        if float(row.get(name) or 0) == 1:
            return name
    return "nevus"
