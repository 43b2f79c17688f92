"""Multi-label data sets: several findings an image, each present, absent or unknown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htl_monai.data.readers.csv_data import read_labelled_csv
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import SPLITS, Datalists, Say, check_on_missing
from htl_monai.data.readers.long_tail import has_long_tail_layout, read_long_tail
from htl_monai.data.readers.prepared_list import read_prepared


@dataclass(frozen=True)
class MultiLabelData:
    """A multi-label data set.

    Args:
        classes: the names of the ``C`` classes, in the order of the label vectors.
        datalists: ``training``, ``validation``, ``test`` and ``unlabelled``; each item has ``id``, ``image``, ``label``
            (a list of ``C`` values 0.0, 1.0 or None; not in ``unlabelled``), ``subject`` and other metadata.
    """

    classes: list[str]
    datalists: Datalists


def load_multi_label(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, Any] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
) -> MultiLabelData:
    """Read a multi-label data set: NIH-CXR-LT, MIMIC-CXR-LT, any CSV file, or a prepared ``data.json``.

    Args:
        dataset_dir: a folder with the published label files; a ``.csv`` file or a folder with ``data.csv``, one row an
            image; or a ``.json`` file that the stage preparing wrote. ``data.csv`` goes before label files.
        columns: our names to the CSV file's: ``id`` (without it the path of the image is the id), ``image`` (required,
            relative to the file), ``split`` (without it the images are split by subject, each finding as evenly as it
            goes) and ``subject`` (also called ``patient_id`` and the like); and ``classes``, a list of the columns that
            are classes (otherwise told by their values, see
            :func:`~htl_monai.data.readers.label_columns.class_columns`). For published label files, ``classes`` and
            ``images``.
        on_missing: what to do with an image that is not there: ``raise``; ``skip``, with a warning; or ``keep``. The
            files of a prepared ``data.json`` are not looked for.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.
        say: told in one line how the images were split, where the file does not say.

    Raises:
        FileNotFoundError: nothing is there, or no layout that is known.
        KeyError: a column that is required or named is not there.
        ValueError: there is no class, a label is none of 0, 1, -1 and unknown, an id is empty or repeated, a split has
            another name, an image is missing, or the ``data.json`` is of another setting.
    """
    check_on_missing(on_missing)
    path = Path(dataset_dir).absolute()
    if path.suffix.lower() == ".json":
        return _prepared(path)
    if path.suffix.lower() == ".csv" or (path / "data.csv").is_file():
        table = path if path.suffix.lower() == ".csv" else path / "data.csv"
        return MultiLabelData(*read_labelled_csv(table, columns, on_missing, unique_ids, say))
    if path.is_dir() and has_long_tail_layout(path):
        return MultiLabelData(*read_long_tail(path, columns, on_missing, unique_ids))
    raise FileNotFoundError(
        "data must be a .csv file, a folder with data.csv or a folder with the label files "
        f"miccai2023_*-cxr-lt_labels_{{train,val,test}}.csv, got {path} with none of these; correct the path"
    )


def _prepared(path: Path) -> MultiLabelData:
    classes, datalists = read_prepared(path)
    if classes is None:
        raise ValueError(
            f"data list {path} must name its classes, got none; it is of another setting, prepare a multi-label one"
        )
    for name in SPLITS:
        if datalists[name] and label_matrix(datalists[name]).shape[1] != len(classes):
            raise ValueError(
                f"data list {path} must have labels of {len(classes)} classes, got another number in {name}; "
                "prepare it again"
            )
    return MultiLabelData(classes, datalists)
