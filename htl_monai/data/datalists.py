"""Chooses how to read a data set by what lies in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from htl_monai.data.csv_data import read_csv
from htl_monai.data.isic2017 import has_isic2017_layout, read_isic2017
from htl_monai.data.listing import SPLITS, Datalists

__all__ = ["load_datalists"]


def load_datalists(
    dataset_dir: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    on_missing: str = "raise",
    unique_ids: bool = True,
) -> Datalists:
    """Read the data lists of a CSV file, of a folder with ``data.csv``, or of a folder in the ISIC-2017 layout.

    Args:
        dataset_dir: a path to a ``.csv`` file, to a ``.json`` file that ``prepare_data`` wrote, or to a folder;
            ``data.csv`` goes before the ISIC-2017 folders.
        columns: our names to the CSV file's, see ``read_csv``; the ISIC-2017 layout takes none.
        on_missing: what to do with an image without mask: ``raise``, ``skip`` (with a warning) or ``keep``.
        unique_ids: False lets repeated ids through, for ``check_data`` to report.

    Returns:
        ``training``, ``validation`` and ``test``: lists of dicts with ``id``, ``image``, ``label``, ``age``, ``sex``,
        ``diagnosis`` and any other metadata; None where a value is not known.

    Raises:
        FileNotFoundError: nothing is there, or neither layout.
        ValueError: ``columns`` given for the ISIC-2017 layout, or the data is not sound (see the readers).
    """
    path = Path(dataset_dir)
    if path.suffix.lower() == ".json":
        return _read_json(path)
    if path.suffix.lower() == ".csv":
        return read_csv(path, columns, on_missing, unique_ids)
    if not path.is_dir():
        raise FileNotFoundError(f"dataset_dir must be a folder or a .csv file, got {path}, which is not there")
    if (path / "data.csv").is_file():
        return read_csv(path / "data.csv", columns, on_missing, unique_ids)
    if not has_isic2017_layout(path):
        raise FileNotFoundError(
            f"dataset_dir must hold data.csv or the folders ISIC-2017_{{Training,Validation,Test_v2}}_Data, got {path} "
            "with neither; give the path of your csv, or of the folder above the images"
        )
    if columns:
        raise ValueError(
            f"columns must be empty for the ISIC-2017 layout, got {dict(columns)}; it names a CSV's columns"
        )
    return read_isic2017(path, on_missing, unique_ids)


def _read_json(path: Path) -> Datalists:
    if not path.is_file():
        raise FileNotFoundError(f"data list {path} does not exist; run the stage preparing or correct the path")
    datalists = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(datalists, dict) or set(datalists) != set(SPLITS):
        raise ValueError(
            f"data list {path} must hold the lists {', '.join(SPLITS)}; give a file of the stage preparing"
        )
    return datalists
