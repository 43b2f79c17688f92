"""The data list of the official folders of the ISIC-2018 challenge, Task 3 (HAM10000): diagnoses, no masks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from htl_monai.data.readers.listing import Item, check_on_missing, name_first, require_unique_ids, settle_missing
from htl_monai.data.readers.official_tables import IMAGE_SUFFIXES, age_years, known, known_word, read_rows

__all__ = ["has_isic2018_layout", "read_isic2018_task3"]

PREFIX = "ISIC2018_Task3_Training"
VALUES = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}

Rows = Mapping[str, Mapping[str, Any]]


def has_isic2018_layout(dataset_dir: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds the official image folder."""
    return os.path.isdir(Path(dataset_dir) / f"{PREFIX}_Input")


def read_isic2018_task3(
    dataset_dir: str | os.PathLike[str], on_missing: str = "raise", unique_ids: bool = True
) -> list[Item]:
    """List the images, diagnoses, lesions and metadata of ISIC-2018 Task 3, sorted by id; no image is opened.

    The data set has no official splits with diagnoses, so this is one list; several images show the same lesion, see
    :func:`~htl_monai.data.preparation.splitting.split_by_subject`.

    Args:
        dataset_dir: the folder that holds ``ISIC2018_Task3_Training_Input``, ``ISIC2018_Task3_Training_GroundTruth``
            with one csv of zeros and ones, and, where they are known, the files
            ``ISIC2018_Task3_Training_LesionGroupings.csv`` and ``HAM10000_metadata.csv``.
        on_missing: what to do with an image that has no row in the csv of diagnoses, or with a row that has no image:
            ``raise``; ``skip`` leaves it out and names it in a warning; ``keep`` lists it, with the diagnosis None, or
            with the path of an image that is not there.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.

    Returns:
        Dicts with ``id``, ``image``, ``diagnosis`` (the name of the class's column: there are as many classes as
        columns), ``age`` (years), ``sex``, ``site`` (part of the body) and ``subject`` (the lesion); None where a value
        is not known. Paths are absolute.

    Raises:
        FileNotFoundError: the folder of images or the csv of diagnoses is not there.
        KeyError: a csv lacks the column with the image's id, or there is no class.
        ValueError: a row names no class, several, or holds another value than 0 and 1; an image lacks its row or a row
            its image; an id occurs twice.
    """
    check_on_missing(on_missing)
    root = Path(dataset_dir).absolute()
    folder = root / f"{PREFIX}_Input"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"dataset_dir must hold the folder {folder.name}, got {root}; give ISIC-2018's folder of Task 3"
        )
    table = _find_diagnoses(root / f"{PREFIX}_GroundTruth")
    diagnoses = _one_class_each(read_rows(table, "image"), table)
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES]
    there = {path.stem for path in paths}
    lost = [id_ for id_ in diagnoses if id_ not in there]
    metadata = read_rows(root / "HAM10000_metadata.csv", "image_id")
    lesions = read_rows(root / f"{PREFIX}_LesionGroupings.csv", "image")
    paths = sorted([*paths, *(folder / f"{id_}.jpg" for id_ in lost)], key=lambda path: path.stem)
    items = [_item(path, diagnoses, metadata, lesions) for path in paths]
    if unique_ids:
        require_unique_ids({"all": items})
    items = settle_missing(items, lost, "image", str(folder), on_missing)
    unnamed = [item["id"] for item in items if item["id"] not in diagnoses]
    return settle_missing(items, unnamed, "row", str(table), on_missing)


def _find_diagnoses(folder: Path) -> Path:
    tables = sorted(folder.glob("*.csv")) if folder.is_dir() else []
    if len(tables) != 1:
        names = ", ".join(path.name for path in tables) or "none"
        raise FileNotFoundError(f"{folder} must hold one csv of diagnoses, got {names}; restore the official folder")
    return tables[0]


def _one_class_each(rows: Rows, path: Path) -> dict[str, str]:
    """Return the class of each image, from columns of zeros and ones."""
    classes = [str(name) for name in next(iter(rows.values()), {}) if name != "image"]
    if not classes:
        raise KeyError(f"{path} must have a column for each class beside image and at least one row; restore it")
    odd = [id_ for id_, row in rows.items() if any(row[name].strip() not in VALUES for name in classes)]
    if odd:
        raise ValueError(f"classes must be 0 or 1 in {path}, got other values for {name_first(odd)}; correct the csv")
    named = {id_: [name for name in classes if VALUES[row[name].strip()]] for id_, row in rows.items()}
    for words, wrong in (
        ("no class", [id_ for id_, names in named.items() if not names]),
        ("several", [id_ for id_, names in named.items() if len(names) > 1]),
    ):
        if wrong:
            raise ValueError(
                f"each row of {path} must name one class, got {words} for {name_first(wrong)}; correct the csv"
            )
    return {id_: names[0] for id_, names in named.items()}


def _item(path: Path, diagnoses: Mapping[str, str], metadata: Rows, lesions: Rows) -> Item:
    id_, row = path.stem, metadata.get(path.stem, {})
    return {
        "id": id_,
        "image": str(path),
        "diagnosis": diagnoses.get(id_),
        "age": age_years(row.get("age"), id_, "age"),
        "sex": known_word(row.get("sex")),
        "site": known_word(row.get("localization")),
        "subject": known(lesions.get(id_, row).get("lesion_id")),
    }
