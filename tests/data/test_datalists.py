"""The layout of a data set is recognised by what lies in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.data.csv_data import read_csv
from htl_monai.data.datalists import load_datalists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "a.png"):
        (tmp_path / name).write_bytes(b"never opened")
    (tmp_path / "data.csv").write_text("id,image,label\n1,a.jpg,a.png\n")
    return tmp_path


def test_csv_by_its_path_and_by_its_folder(folder: Path) -> None:
    expected = read_csv(folder / "data.csv")
    assert load_datalists(folder) == load_datalists(str(folder / "data.csv")) == expected
    assert list(expected) == ["training", "validation", "test"]


def test_columns_reach_the_csv_reader(folder: Path) -> None:
    (folder / "data.csv").write_text("name,image,label\n1,a.jpg,a.png\n")
    assert load_datalists(folder, columns={"id": "name"})["training"][0]["id"] == "1"


def test_isic_layout(tmp_path: Path) -> None:
    (tmp_path / "ISIC-2017_Training_Data").mkdir()
    (tmp_path / "ISIC-2017_Training_Data" / "ISIC_1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="every image must have its mask"):
        load_datalists(tmp_path)
    assert load_datalists(tmp_path, on_missing="keep")["training"][0]["id"] == "ISIC_1"
    with pytest.raises(ValueError, match="columns must be empty for the ISIC-2017 layout"):
        load_datalists(tmp_path, columns={"id": "name"})


def test_neither_layout(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"must hold data.csv or the folders ISIC-2017_\{Training,"):
        load_datalists(tmp_path)
    with pytest.raises(FileNotFoundError, match="must be a folder or a .csv file, got .*lost, which is not there"):
        load_datalists(tmp_path / "lost")
