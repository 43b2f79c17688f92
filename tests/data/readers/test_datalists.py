"""The layout of a data set is recognised by what lies in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from htl_monai.data.readers.csv_data import read_csv
from htl_monai.data.readers.datalists import load_datalists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "a.png"):
        (tmp_path / name).write_bytes(b"never opened")
    (tmp_path / "data.csv").write_text("id,image,label\n1,a.jpg,a.png\n")
    return tmp_path


def test_csv_by_its_path_and_by_its_folder(folder: Path) -> None:
    expected = read_csv(folder / "data.csv")
    assert load_datalists(folder) == load_datalists(str(folder / "data.csv")) == expected
    assert list(expected) == ["training", "validation", "test", "unlabelled"]


def test_columns_reach_the_csv_reader(folder: Path) -> None:
    (folder / "data.csv").write_text("name,image,label\n1,a.jpg,a.png\n")
    assert load_datalists(folder, columns={"id": "name"})["training"][0]["id"] == "1"


def test_isic_layout(tmp_path: Path) -> None:
    (tmp_path / "ISIC-2017_Training_Data").mkdir()
    (tmp_path / "ISIC-2017_Training_Data" / "ISIC_1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="every image must have its mask"):
        load_datalists(tmp_path)
    assert load_datalists(tmp_path, on_missing="keep")["training"][0]["id"] == "ISIC_1"
    with pytest.raises(ValueError, match="columns must be empty for .*, which has no table of yours"):
        load_datalists(tmp_path, columns={"id": "name"})


def lay_out_2017(root: Path, id_: str = "ISIC_1") -> Path:
    for folder, name in (("Data", f"{id_}.jpg"), ("Part1_GroundTruth", f"{id_}_segmentation.png")):
        (root / f"ISIC-2017_Training_{folder}").mkdir(parents=True)
        (root / f"ISIC-2017_Training_{folder}" / name).write_bytes(b"never opened")
    return root


def lay_out_2018(root: Path, ids: list[str]) -> Path:
    for folder in ("Input", "GroundTruth"):
        (root / f"ISIC2018_Task3_Training_{folder}").mkdir(parents=True)
    for id_ in ids:
        (root / "ISIC2018_Task3_Training_Input" / f"{id_}.jpg").write_bytes(b"never opened")
    rows = "".join(f"{id_},0.0,1.0\n" for id_ in ids)
    (root / "ISIC2018_Task3_Training_GroundTruth" / "diagnoses.csv").write_text(f"image,MEL,NV\n{rows}")
    return root


def test_isic_2018_alone_is_split(tmp_path: Path) -> None:
    ids = [f"ISIC_{number:02d}" for number in range(20)]
    datalists = load_datalists(lay_out_2018(tmp_path, ids))
    counts = {name: len(items) for name, items in datalists.items()}
    assert counts == {"training": 14, "validation": 2, "test": 4, "unlabelled": 0}
    assert sorted(item["id"] for items in datalists.values() for item in items) == ids
    assert datalists == load_datalists(tmp_path)
    with pytest.raises(ValueError, match="columns must be empty for .*, which has no table of yours"):
        load_datalists(tmp_path, columns={"id": "name"})


@pytest.mark.parametrize("folders", [("isic2017", "isic2018"), (".", "task3"), ("masks", "."), (".", ".")])
def test_isic_2018_beside_isic_2017_is_unlabelled(tmp_path: Path, folders: tuple[str, str]) -> None:
    lay_out_2017(tmp_path / folders[0])
    lay_out_2018(tmp_path / folders[1], ["ISIC_2", "ISIC_3"])
    datalists = load_datalists(tmp_path)
    assert [item["id"] for item in datalists["training"]] == ["ISIC_1"] and "label" in datalists["training"][0]
    assert [(item["id"], item["diagnosis"]) for item in datalists["unlabelled"]] == [("ISIC_2", "NV"), ("ISIC_3", "NV")]
    assert datalists["validation"] == datalists["test"] == []
    with pytest.raises(ValueError, match="columns must be empty for .*, which has no table of yours"):
        load_datalists(tmp_path, columns={"id": "name"})


def test_an_id_in_both_data_sets(tmp_path: Path) -> None:
    lay_out_2017(tmp_path / "isic2017")
    lay_out_2018(tmp_path / "isic2018", ["ISIC_1"])
    with pytest.raises(ValueError, match="id must be unique over all splits, got 1 repeated: ISIC_1"):
        load_datalists(tmp_path)
    assert len(load_datalists(tmp_path, unique_ids=False)["unlabelled"]) == 1


def test_two_data_sets_of_one_layout(tmp_path: Path) -> None:
    lay_out_2017(tmp_path / "a")
    lay_out_2017(tmp_path / "b")
    with pytest.raises(ValueError, match="must hold one data set of a layout, got a, b in .*; give one of them"):
        load_datalists(tmp_path)


def test_lists_from_json_may_lack_the_unlabelled_ones(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    lists = {"training": [{"id": "1", "image": "/1.jpg"}], "validation": [], "test": []}
    path.write_text(json.dumps(lists))
    assert load_datalists(path) == {**lists, "unlabelled": []}
    path.write_text(json.dumps({**lists, "unlabelled": [{"id": "2", "image": "/2.jpg"}]}))
    assert load_datalists(path)["unlabelled"] == [{"id": "2", "image": "/2.jpg"}]
    path.write_text(json.dumps({**lists, "test": [{"id": "3"}]}))
    with pytest.raises(ValueError, match="image of number 1 in test in data list .* must be text, got None; give a"):
        load_datalists(path)
    path.write_text(json.dumps({**lists, "classes": ["a", 3]}))
    with pytest.raises(ValueError, match="classes in data list .* must be a list of names, got"):
        load_datalists(path)
    path.write_text(json.dumps({**lists, "more": []}))
    with pytest.raises(ValueError, match="must hold the lists training, validation, test and may hold unlabelled"):
        load_datalists(path)


def test_no_layout_that_is_known(tmp_path: Path) -> None:
    lay_out_2017(tmp_path / "isic2017")  # a data set one folder below is not guessed at
    with pytest.raises(
        FileNotFoundError,
        match=r"must hold data.csv, or the folders images and masks, .*ISIC-2017_\{Training,.*ISIC2018_Task3_",
    ):
        load_datalists(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="must be a folder, a .csv or a .json file, got .*lost, which is not there"
    ):
        load_datalists(tmp_path / "lost")
