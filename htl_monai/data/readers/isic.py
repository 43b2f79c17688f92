"""Data lists from the official folders of the ISIC challenges: 2017 with masks, Task 3 of 2018 (HAM10000) without."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from htl_monai.data.readers.columns import age_years, known
from htl_monai.data.readers.listing import (
    SPLITS,
    Datalists,
    Item,
    check_on_missing,
    name_first,
    require_unique_ids,
    settle,
    settle_missing,
)
from htl_monai.data.readers.text_table import read_text_table

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
# The official test split was published a second time, as "Test_v2".
PREFIXES = {
    split: f"ISIC-2017_{part}" for split, part in zip(SPLITS, ("Training", "Validation", "Test_v2"), strict=True)
}
TASK3 = "ISIC2018_Task3_Training"
VALUES = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}

Rows = Mapping[str, Mapping[str, Any]]


def has_isic2017_layout(dataset_dir: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds at least one of the three official image folders."""
    return any(os.path.isdir(Path(dataset_dir) / f"{prefix}_Data") for prefix in PREFIXES.values())


def has_isic2018_layout(dataset_dir: str | os.PathLike[str]) -> bool:
    """Tell whether a folder holds the official image folder of Task 3."""
    return os.path.isdir(Path(dataset_dir) / f"{TASK3}_Input")


def read_isic2017(dataset_dir: str | os.PathLike[str], on_missing: str = "raise", unique_ids: bool = True) -> Datalists:
    """List the images, masks (Part 1), diagnoses (Part 3) and metadata of ISIC-2017; no image is opened.

    Items are sorted by id. A split whose images are not there is empty; a csv or row that is not there and the value
    ``unknown`` give None. Diagnoses are melanoma, seborrheic_keratosis and nevus. The arguments are those of
    :func:`~htl_monai.data.readers.datalists.load_datalists`.

    Raises:
        FileNotFoundError: the training images' folder is not there.
        ValueError: an image lacks its mask, or an id occurs twice.
        KeyError: a csv has no ``image_id`` column.
    """
    check_on_missing(on_missing)
    root = Path(dataset_dir).absolute()
    _require_folder(root / f"{PREFIXES['training']}_Data", "ISIC-2017's folder")
    datalists = Datalists({split: _of_2017(root, prefix) for split, prefix in PREFIXES.items()})
    return settle(datalists, root, on_missing, unique_ids, masks=True, lost=())


def read_isic2018_task3(
    dataset_dir: str | os.PathLike[str], on_missing: str = "raise", unique_ids: bool = True
) -> list[Item]:
    """List the images, diagnoses, lesions and metadata of ISIC-2018 Task 3, sorted by id; no image is opened.

    The data set has no official splits with diagnoses, so this is one list; several images show the same lesion, which
    is their ``subject`` where the file of groupings or ``HAM10000_metadata.csv`` is there.

    Args:
        on_missing: what to do with an image that has no row in the csv of diagnoses, or with a row that has no image:
            ``raise``; ``skip`` it with a warning; ``keep`` it, with the diagnosis None, or with the path of an image
            that is not there.

    Raises:
        FileNotFoundError: the folder of images or the csv of diagnoses is not there.
        KeyError: a csv lacks the column with the image's id, or there is no class.
        ValueError: a row names no class, several, or holds another value than 0 and 1; an image lacks its row or a row
            its image; an id occurs twice.
    """
    check_on_missing(on_missing)
    root = Path(dataset_dir).absolute()
    folder = _require_folder(root / f"{TASK3}_Input", "ISIC-2018's folder of Task 3")
    table = _find_diagnoses(root / f"{TASK3}_GroundTruth")
    diagnoses = _one_class_each(_rows(table, "image"), table)
    paths = _images(folder)
    there = {path.stem for path in paths}
    lost = [id_ for id_ in diagnoses if id_ not in there]
    metadata = _rows(root / "HAM10000_metadata.csv", "image_id")
    lesions = _rows(root / f"{TASK3}_LesionGroupings.csv", "image")
    paths = sorted([*paths, *(folder / f"{id_}.jpg" for id_ in lost)], key=lambda path: path.stem)
    items = []
    for path in paths:
        row = metadata.get(path.stem, {})
        item = _item(path, row, "age", diagnoses.get(path.stem)) | {"site": _word(row.get("localization"))}
        items.append(item | {"subject": known(lesions.get(path.stem, row).get("lesion_id"))})
    if unique_ids:
        require_unique_ids({"all": items})
    items = settle_missing(items, lost, "image", folder, on_missing)
    unnamed = [item["id"] for item in items if item["id"] not in diagnoses]
    return settle_missing(items, unnamed, "row", table, on_missing)


def _of_2017(root: Path, prefix: str) -> list[Item]:
    images, masks = root / f"{prefix}_Data", root / f"{prefix}_Part1_GroundTruth"
    metadata = _rows(images / f"{prefix}_Data_metadata.csv", "image_id")
    classes = _rows(root / f"{prefix}_Part3_GroundTruth.csv", "image_id")
    mask_names = set(os.listdir(masks)) if masks.is_dir() else set()
    items = []
    for path in _images(images) if images.is_dir() else ():
        row, mask = metadata.get(path.stem, {}), f"{path.stem}_segmentation.png"
        item = _item(path, row, "age_approximate", _diagnosis(classes.get(path.stem)))
        items.append(item | ({"label": str(masks / mask)} if mask in mask_names else {}))
    return items


def _item(path: Path, row: Mapping[str, Any], age: str, diagnosis: str | None) -> Item:
    person = {"age": age_years(row.get(age), path.stem, age), "sex": _word(row.get("sex"))}
    return {"id": path.stem, "image": str(path), **person, "diagnosis": diagnosis}


def _word(value: str | None) -> str | None:
    found = known(value)
    return found and found.lower()


def _diagnosis(row: Mapping[str, Any] | None) -> str | None:
    if row is None:
        return None
    named = (name for name in ("melanoma", "seborrheic_keratosis") if float(row.get(name) or 0) == 1)
    return next(named, "nevus")


def _images(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted((path for path in found if not path.stem.endswith("_superpixels")), key=lambda path: path.stem)


def _require_folder(folder: Path, what: str) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(f"data must hold the folder {folder.name}, got {folder.parent}; give {what}")
    return folder


def _rows(path: Path, key: str) -> dict[str, dict[str, Any]]:
    """Return the rows of an official csv by the value of one column; none where the file is not there."""
    if not path.is_file():
        return {}
    table = read_text_table(path)
    if key not in table:
        raise KeyError(f"{path} must have the column {key}, got {list(table.columns)}; restore the official file")
    repeated = table[key][table[key].duplicated()].tolist()
    if repeated:
        raise ValueError(f"{key} must be unique in {path}, got repeated {name_first(repeated)}; remove these rows")
    return {str(row[key]): {str(name): row[name] for name in row} for row in table.to_dict("records")}


def _find_diagnoses(folder: Path) -> Path:
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        names = ", ".join(path.name for path in tables) or "none"
        raise FileNotFoundError(f"{folder} must hold one csv of diagnoses, got {names}; restore the official folder")
    return tables[0]


def _one_class_each(rows: Rows, path: Path) -> dict[str, str]:
    """Return the class of each image, from columns of zeros and ones."""
    classes = [str(name) for name in next(iter(rows.values()), {}) if name != "image"]
    if not classes:
        raise KeyError(f"{path} must have a column for each class beside image and at least one row; restore it")
    odd = [id_ for id_, row in rows.items() if any(row[name] not in VALUES for name in classes)]
    if odd:
        raise ValueError(f"classes must be 0 or 1 in {path}, got other values for {name_first(odd)}; correct the csv")
    named = {id_: [name for name in classes if VALUES[row[name]]] for id_, row in rows.items()}
    for words, wrong in (
        ("no class", [id_ for id_, names in named.items() if not names]),
        ("several", [id_ for id_, names in named.items() if len(names) > 1]),
    ):
        if wrong:
            raise ValueError(
                f"each row of {path} must name one class, got {words} for {name_first(wrong)}; correct the csv"
            )
    return {id_: names[0] for id_, names in named.items()}
