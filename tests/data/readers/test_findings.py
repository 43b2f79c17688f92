"""Multi-label data sets of any layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import Datalists


def load_findings(path: Path, *columns: object, **options: object) -> Datalists:
    return load_datalists(path, *columns, findings=True, **options)


TEXT = (
    "id,image,split,subject,Mass,Edema,site\na,a.png,train,7,1,0,left\nb,b.png,val,8,,1,\nc,c.png,unlabelled,,,,right\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"never opened")
    (tmp_path / "data.csv").write_text(TEXT)
    return tmp_path


def test_any_csv(folder: Path) -> None:
    data = load_findings(folder)
    assert data == load_findings(folder / "data.csv") and data.classes == ["Mass", "Edema"]
    assert data == {
        "training": [
            {"id": "a", "image": str(folder / "a.png"), "subject": "7", "site": "left", "label": [1.0, 0.0]},
        ],
        "validation": [
            {"id": "b", "image": str(folder / "b.png"), "subject": "8", "site": None, "label": [None, 1.0]},
        ],
        "test": [],
        "unlabelled": [{"id": "c", "image": str(folder / "c.png"), "subject": None, "site": "right"}],
    }


def test_columns_are_named(folder: Path) -> None:
    (folder / "data.csv").write_text("file,patient,grade,Mass,split\na.png,7,0,1,train\nb.png,8,5,0,train\n")
    data = load_findings(folder, {"image": "file", "subject": "patient", "classes": ["Mass"]})
    assert data.classes == ["Mass"]
    assert [item["id"] for item in data["training"]] == ["a.png", "b.png"]
    assert [item["subject"] for item in data["training"]] == ["7", "8"]
    assert label_matrix(data["training"]).tolist() == [[1], [0]]


def test_without_a_split_column_each_list_gets_some_of_a_rare_finding(folder: Path) -> None:
    rows = "".join(f"{number},a.png,{number // 2},{int(number < 6)},1\n" for number in range(60))
    (folder / "data.csv").write_text(f"id,image,Patient_ID,Hernia,Mass\n{rows}")
    said: list[str] = []
    datalists = load_findings(folder, say=said.append)
    counts = {name: len(items) for name, items in datalists.items()}
    assert counts == {"training": 40, "validation": 8, "test": 12, "unlabelled": 0}
    assert [label_matrix(datalists[name])[:, 0].sum() for name in ("training", "validation", "test")] == [2, 2, 2]
    assert len({item["subject"] for item in datalists["test"]}) == 6
    assert len(said) == 1 and "so that no subject is in two" in said[0]


def test_a_label_that_is_none_of_0_1_and_unknown_is_refused(folder: Path) -> None:
    data = load_findings(folder)
    data["training"][0]["label"] = [1.0, 0.5]
    (folder / "data.json").write_text(json.dumps({"classes": data.classes, **data}))
    with pytest.raises(ValueError, match="label must hold 0, 1 or null for unknown, got 0.5 for a; prepare the data"):
        load_findings(folder / "data.json")


def test_a_prepared_file_comes_back_as_it_was(folder: Path) -> None:
    data = load_findings(folder)
    (folder / "data.json").write_text(json.dumps({"classes": data.classes, **data}))
    assert load_findings(folder / "data.json") == data
    assert load_datalists(folder / "data.json") == data


def test_a_prepared_file_of_another_setting_is_refused(folder: Path) -> None:
    data = load_findings(folder)
    (folder / "data.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="data.json must name its classes, got none; it is of another setting"):
        load_findings(folder / "data.json")
    (folder / "data.json").write_text(json.dumps({"classes": ["Mass"], **data}))
    with pytest.raises(ValueError, match="must have labels of 1 classes, got another number in training"):
        load_findings(folder / "data.json")
    with pytest.raises(FileNotFoundError, match="data list .*none.json does not exist; run the stage preparing"):
        load_findings(folder / "none.json")


def test_missing_images(folder: Path) -> None:
    (folder / "a.png").unlink()
    with pytest.raises(ValueError, match="every image must have its image in .*, got 1 of 1 without: a; add them"):
        load_findings(folder)
    assert len(load_findings(folder, on_missing="keep")["training"]) == 1
    with pytest.warns(UserWarning, match="1 of 1 images left out, no image"):
        assert load_findings(folder, on_missing="skip")["training"] == []


@pytest.mark.parametrize(
    ("before", "after", "error", "match"),
    [
        ("a,a.png", ",a.png", ValueError, "id must not be empty, got 1 empty in .*data.csv, lines 2; fill in"),
        ("b,b.png", "a,b.png", ValueError, "id must be unique over all splits, got 1 repeated: a"),
        ("train", "practice", ValueError, "split must be one of .*, got 'practice' for a; correct the csv"),
        ("7,1,0", "7,4,0", ValueError, "class 'Mass' must be 0, 1 or unknown .*, got '4' for a"),
        ("id,image", "id,file", KeyError, r"data.csv must have the columns \['image'\], got .*'file'.*; name yours"),
    ],
)
def test_a_wrong_table_is_refused(folder: Path, before: str, after: str, error: type[Exception], match: str) -> None:
    assert before in TEXT
    (folder / "data.csv").write_text(TEXT.replace(before, after).replace(",,1,", ",0,1,").replace("7,4,0", "7,4,1"))
    with pytest.raises(error, match=match):
        load_findings(folder)


def test_wrong_arguments(folder: Path) -> None:
    with pytest.raises(KeyError, match="columns may name id, image, split, subject and classes, got label; correct"):
        load_findings(folder, {"label": "Mass"})
    with pytest.raises(ValueError, match="on_missing must be one of raise, skip, keep, name, got 'stop'"):
        load_findings(folder, on_missing="stop")
    (folder / "below").mkdir()
    with pytest.raises(FileNotFoundError, match="must be a .csv file, a folder with .*, got .*below with none"):
        load_findings(folder / "below")
    with pytest.raises(FileNotFoundError, match="data must be a CSV file, got .*none.csv, which is not there"):
        load_findings(folder / "none.csv")


def test_a_table_without_rows_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("image,Mass,Edema\n")
    with pytest.raises(ValueError, match="data.csv must have a row for each image, got none below its header; add th"):
        load_findings(tmp_path / "data.csv")
