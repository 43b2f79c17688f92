"""Chooses how to read a data set by what lies in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json
from htl_monai.data.preparation.splitting import deal_out
from htl_monai.data.readers.csv_data import read_csv
from htl_monai.data.readers.decathlon import (
    find_decathlon,
    has_nnunet_layout,
    is_decathlon,
    read_decathlon,
    read_nnunet,
)
from htl_monai.data.readers.isic import has_isic2017_layout, has_isic2018_layout, read_isic2017, read_isic2018_task3
from htl_monai.data.readers.listing import UNLABELLED, Datalists, Say, check_on_missing, require_unique_ids
from htl_monai.data.readers.long_tail import has_long_tail_layout, read_long_tail
from htl_monai.data.readers.paired_folders import has_paired_layout, read_paired_folders
from htl_monai.data.readers.prepared_list import read_prepared

_LABEL_FILES = "the files miccai2023_*-cxr-lt_labels_{train,val,test}.csv"


def load_datalists(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
    findings: bool | Sequence[str] = False,
) -> Datalists:
    """Read the data lists of a CSV file, of a folder with ``data.csv``, of an official layout, or of folders of files.

    ISIC-2017 has three splits with masks. ISIC-2018 Task 3 has diagnoses and no masks: alone, it is split 70/10/20 % so
    that no lesion is in two of them; beside ISIC-2017, in the same folder or each in a subfolder of its own, all its
    images are the unlabelled ones. The label files of NIH-CXR-LT and MIMIC-CXR-LT have three splits, and of each image
    a vector of findings. Folders ``images`` and ``masks`` need no table, nor do JSON lists of MONAI and the Medical
    Segmentation Decathlon and raw folders of nnU-Net.

    Args:
        dataset_dir: a path to a ``.csv`` file, to a ``.json`` list, or to a folder; ``data.csv`` goes before the
            official layouts.
        columns: our names to the CSV file's, see :func:`~htl_monai.data.readers.csv_data.read_csv`; for published label
            files ``classes`` and ``images``; folders without a table of the user's take none; a ``.json`` file has been
            through it already.
        on_missing: what to do with an image without mask: ``raise``, ``skip`` (with a warning) or ``keep``; ``name``
            does as ``keep``, and leaves the label of a table or list in place where it names no file. Unlabelled images
            and those of ISIC-2018 Task 3 and of findings need none; of the latter it is for images that are not there.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.
        say: told in one line how the images were split, where the data set does not say.
        findings: True where the labels are vectors, of several findings an image; of a CSV file these are its columns
            of 0 and 1. Or the names of the classes, of which each image gets the labels in this order.

    Returns:
        ``training``, ``validation``, ``test`` and ``unlabelled``: lists of dicts with ``id``, ``image``, ``label`` (not
        where there is no mask), ``age``, ``sex``, ``diagnosis`` and any other metadata; None where a value is unknown.
        With findings ``label`` is a list of 0.0, 1.0 and None, a value for each of ``classes``.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        KeyError: a column that is required or named is not there.
        ValueError: ``columns`` given where there is no table, two subfolders of one layout, or the data is not sound
            (see the readers), or not of findings that were asked for.
    """
    check_on_missing(on_missing)
    path, options = Path(dataset_dir), (on_missing, unique_ids, say)
    if path.suffix.lower() == ".json":
        return _read_json(path, on_missing, findings)
    table = path if path.suffix.lower() == ".csv" else path / "data.csv"
    if table is path or table.is_file():
        return _in_order(read_csv(table, columns, *options, findings is not False), findings, path)
    if path.is_dir() and has_long_tail_layout(path):
        return _in_order(read_long_tail(path, columns, on_missing, unique_ids), findings, path)
    if findings is not False:
        raise FileNotFoundError(
            f"data must be a .csv file, a folder with data.csv or a folder with {_LABEL_FILES}, got {path} with "
            "none of these; correct the path"
        )
    if not path.is_dir():
        raise FileNotFoundError(f"data must be a folder, a .csv or a .json file, got {path}, which is not there")
    if columns:
        raise ValueError(
            f"columns must be empty for {path}, which has no table of yours, got {dict(columns)}; they name a CSV's"
        )
    if has_paired_layout(path):
        return read_paired_folders(path, *options)
    if has_nnunet_layout(path):
        return read_nnunet(path, on_missing)
    found = find_decathlon(path)
    return _read_isic(path, *options) if found is None else load_datalists(found, None, *options)


def _read_json(path: Path, on_missing: str, findings: bool | Sequence[str]) -> Datalists:
    if not path.is_file():
        raise FileNotFoundError(f"data list {path} does not exist; run the stage preparing or correct the path")
    content = read_json(path, "correct the list")
    if is_decathlon(content) and findings is not True:
        return read_decathlon(content, path, on_missing)
    return _in_order(read_prepared(content, path), findings, path)


def _in_order(datalists: Datalists, findings: bool | Sequence[str], path: Path) -> Datalists:
    """Return lists whose labels are those of the classes that are wanted, in their order."""
    known = datalists.classes
    if findings is False:
        return datalists
    if known is None:
        raise ValueError(
            f"data list {path} must name its classes, got none; it is of another setting, prepare a multi-label one"
        )
    wanted = known if findings is True else list(findings)
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise ValueError(
            f"classes of {path} must be those of the model, got none called {', '.join(lacking)} among "
            f"{', '.join(known)}; name the columns with --columns"
        )
    order = [known.index(name) for name in wanted]
    for item in (item for items in datalists.values() for item in items if "label" in item):
        item["label"] = [item["label"][place] for place in order]
    datalists.classes = wanted
    return datalists


def _read_isic(path: Path, on_missing: str, unique_ids: bool, say: Say | None) -> Datalists:
    isic2017, isic2018 = _find(path, has_isic2017_layout), _find(path, has_isic2018_layout)
    both = isic2017 is not None and isic2018 is not None
    if not both and path not in (isic2017, isic2018):
        raise FileNotFoundError(
            "data must hold data.csv, or the folders images and masks, or dataset.json, or the folder imagesTr, "
            "or the folders ISIC-2017_{Training,Validation,Test_v2}_Data or ISIC2018_Task3_Training_Input, or a "
            f"subfolder with the former and one with the latter, or {_LABEL_FILES}, got {path} with none of these; "
            "give the path of your csv, or of the folder above the images"
        )
    unlabelled = [] if isic2018 is None else read_isic2018_task3(isic2018, on_missing, unique_ids)
    if isic2017 is None:
        return Datalists(deal_out(unlabelled, str(isic2018), say))
    datalists = read_isic2017(isic2017, on_missing, unique_ids)
    datalists[UNLABELLED] = unlabelled
    if unique_ids:
        require_unique_ids(datalists)
    return datalists


def _find(path: Path, has_layout: Callable[[Path], bool]) -> Path | None:
    """Return the folder itself or the one subfolder of a layout."""
    if has_layout(path):
        return path
    found = sorted(folder for folder in path.iterdir() if folder.is_dir() and has_layout(folder))
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise ValueError(f"data must hold one data set of a layout, got {names} in {path}; give one of them")
    return found[0] if found else None
