"""Chooses how to read a data set by what lies in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

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
from htl_monai.data.readers.listing import UNLABELLED, Datalists, Say, require_unique_ids
from htl_monai.data.readers.long_tail import has_long_tail_layout, read_long_tail
from htl_monai.data.readers.paired_folders import has_paired_layout, read_paired_folders
from htl_monai.data.readers.prepared_list import read_prepared


def load_datalists(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
) -> Datalists:
    """Read the data lists of a CSV file, of a folder with ``data.csv``, of an official layout, or of folders of files.

    ISIC-2017 has three splits with masks. ISIC-2018 Task 3 has diagnoses and no masks: alone, it is split 70/10/20 % so
    that no lesion is in two of them; beside ISIC-2017, in the same folder or each in a subfolder of its own, all its
    images are the unlabelled ones. The label files of NIH-CXR-LT and MIMIC-CXR-LT have three splits and no masks: there
    ``label`` is a vector, and :func:`~htl_monai.data.readers.multi_label.load_multi_label` tells its classes. Folders
    ``images`` and ``masks`` need no table, nor do JSON lists of MONAI and the Medical Segmentation Decathlon and
    raw folders of nnU-Net.

    Args:
        dataset_dir: a path to a ``.csv`` file, to a ``.json`` list, or to a folder; ``data.csv`` goes before the
            official layouts.
        columns: our names to the CSV file's, see ``read_csv``; folders without a table of the user's take none; a
            ``.json`` file has been through it already.
        on_missing: what to do with an image without mask: ``raise``, ``skip`` (with a warning) or ``keep``; ``name``
            does as ``keep``, and leaves the label of a table or list in place where it names no file. Unlabelled images
            and those of ISIC-2018 Task 3, NIH-CXR-LT and MIMIC-CXR-LT need none; of the latter two it is for images
            that are not there.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.
        say: told in one line how the images were split, where the data set does not say.

    Returns:
        ``training``, ``validation``, ``test`` and ``unlabelled``: lists of dicts with ``id``, ``image``, ``label`` (not
        where there is no mask), ``age``, ``sex``, ``diagnosis`` and any other metadata; None where a value is unknown.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        ValueError: ``columns`` given where there is no table, two subfolders of one layout, or the data is not sound
            (see the readers).
    """
    path = Path(dataset_dir)
    if path.suffix.lower() == ".json":
        return read_decathlon(path, on_missing) if is_decathlon(path) else read_prepared(path)[1]
    if path.suffix.lower() == ".csv":
        return read_csv(path, columns, on_missing, unique_ids, say)
    if not path.is_dir():
        raise FileNotFoundError(f"data must be a folder or a .csv file, got {path}, which is not there")
    if (path / "data.csv").is_file():
        return read_csv(path / "data.csv", columns, on_missing, unique_ids, say)
    if has_long_tail_layout(path):
        return read_long_tail(path, columns, on_missing, unique_ids)[1]
    if columns:
        raise ValueError(
            f"columns must be empty for {path}, which has no table of yours, got {dict(columns)}; they name a CSV's"
        )
    if has_paired_layout(path):
        return read_paired_folders(path, on_missing, unique_ids, say)
    if has_nnunet_layout(path):
        return read_nnunet(path, on_missing)
    found = find_decathlon(path)
    if found is not None:
        return load_datalists(found, None, on_missing, unique_ids, say)
    return _read_isic(path, on_missing, unique_ids, say)


def _read_isic(path: Path, on_missing: str, unique_ids: bool, say: Say | None) -> Datalists:
    isic2017, isic2018 = _find(path, has_isic2017_layout), _find(path, has_isic2018_layout)
    both = isic2017 is not None and isic2018 is not None
    if not both and path not in (isic2017, isic2018):
        raise FileNotFoundError(
            "data must hold data.csv, or the folders images and masks, or dataset.json, or the folder imagesTr, "
            "or the folders ISIC-2017_{Training,Validation,Test_v2}_Data or ISIC2018_Task3_Training_Input, or a "
            "subfolder with the former and one with the latter, or the files "
            f"miccai2023_*-cxr-lt_labels_{{train,val,test}}.csv, got {path} with none of these; give the path of your "
            "csv, or of the folder above the images"
        )
    unlabelled = [] if isic2018 is None else read_isic2018_task3(isic2018, on_missing, unique_ids)
    if isic2017 is None:
        return {**deal_out(unlabelled, str(isic2018), say), UNLABELLED: []}
    datalists = {**read_isic2017(isic2017, on_missing, unique_ids), UNLABELLED: unlabelled}
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
