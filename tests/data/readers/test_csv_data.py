"""Data lists from CSV files."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.data.readers.csv_data import read_csv


def write(folder: Path, text: str, files: str = "a.jpg b.jpg a.png b.png") -> Path:
    for name in files.split():
        (folder / name).write_bytes(b"never opened")
    (folder / "data.csv").write_text(text)
    return folder / "data.csv"


def test_rows_become_items_with_typed_metadata(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "id,image,label,split,age,sex,site,subject,hard_group,score\n"
        "007,a.jpg,a.png,train,45,F,back,0012,none,0.5\n"
        "NA,b.jpg,b.png,val,unknown,,NA,3,hair,2\n",
    )
    datalists = read_csv(path)
    assert datalists["training"] == [
        {
            "id": "007",
            "image": str(tmp_path / "a.jpg"),
            "label": str(tmp_path / "a.png"),
            "age": 45.0,
            "sex": "female",
            "diagnosis": None,
            "site": "back",
            "subject": "0012",
            "hard_group": "none",
            "score": 0.5,
        }
    ]
    (second,) = datalists["validation"]
    assert second["id"] == "NA"
    assert (second["age"], second["sex"], second["site"], second["subject"]) == (None, None, None, "3")
    assert datalists["test"] == [] and datalists["unlabelled"] == []


def test_whole_numbers_stay_whole_beside_unknown_ones(tmp_path: Path) -> None:
    rows = read_csv(
        write(tmp_path, "id,image,label,hard,age,split\n1,a.jpg,a.png,1,,train\n2,b.jpg,b.png,,30,train\n")
    )["training"]
    assert [(row["hard"], row["age"]) for row in rows] == [(1, None), (None, 30.0)]
    assert isinstance(rows[0]["hard"], int)


def test_columns_are_mapped_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "file,mask,fold,label,Age\na.jpg,a.png,training,melanoma,50\nb.jpg,b.png,test,1,60\n")
    columns = {"id": "file", "image": "file", "label": "mask", "split": "fold", "diagnosis": "label", "age": "Age"}
    datalists = read_csv(path, columns)
    (first,) = datalists["training"]
    assert first == {
        "id": "a.jpg",
        "image": str(tmp_path / "a.jpg"),
        "label": str(tmp_path / "a.png"),
        "diagnosis": "melanoma",
        "age": 50.0,
        "sex": None,
    }
    assert datalists["test"][0]["diagnosis"] == "1"


def test_order_of_rows_is_kept(tmp_path: Path) -> None:
    text = "id,image,label,split\nz,b.jpg,b.png,train\na,a.jpg,a.png,train\n"
    assert [row["id"] for row in read_csv(write(tmp_path, text))["training"]] == ["z", "a"]
    # A byte order mark, as spreadsheets write, is no part of the first column's name.
    (tmp_path / "data.csv").write_text(text, encoding="utf-8-sig")
    assert [row["id"] for row in read_csv(tmp_path / "data.csv")["training"]] == ["z", "a"]


@pytest.mark.parametrize("label", ["", "lost.png"])
def test_image_without_mask(tmp_path: Path, label: str) -> None:
    path = write(tmp_path, f"id,image,label,split\n1,a.jpg,{label},train\n2,b.jpg,b.png,train\n")
    with pytest.raises(ValueError, match="every image must have its mask in .*, got 1 of 2 without: 1; add them"):
        read_csv(path)
    with pytest.warns(UserWarning, match="1 of 2 images left out, no mask in .*: 1"):
        assert [row["id"] for row in read_csv(path, on_missing="skip")["training"]] == ["2"]
    assert "label" not in read_csv(path, on_missing="keep")["training"][0]


def test_missing_image_file(tmp_path: Path) -> None:
    path = write(tmp_path, "id,image,label,split\n1,lost.jpg,a.png,train\n2,b.jpg,b.png,train\n")
    with pytest.raises(ValueError, match="every image must have its image in .*, got 1 of 2 without: 1"):
        read_csv(path)
    with pytest.warns(UserWarning, match="no image in"):
        assert len(read_csv(path, on_missing="skip")["training"]) == 1
    assert len(read_csv(path, on_missing="keep")["training"]) == 2


def test_unlabelled_rows_need_no_mask_and_lose_one(tmp_path: Path) -> None:
    path = write(tmp_path, "id,image,label,split\n1,a.jpg,,unlabelled\n2,b.jpg,b.png,Unlabelled\n3,a.jpg,a.png,train\n")
    datalists = read_csv(path)
    assert [(item["id"], "label" in item) for item in datalists["unlabelled"]] == [("1", False), ("2", False)]
    assert datalists["training"][0]["label"] == str(tmp_path / "a.png")
    (tmp_path / "b.jpg").unlink()
    with pytest.raises(ValueError, match="every image must have its image in .*, got 1 of 2 without: 2"):
        read_csv(path)


def test_repeated_and_empty_ids(tmp_path: Path) -> None:
    path = write(tmp_path, "id,image,label,split\n1,a.jpg,a.png,train\n1,b.jpg,b.png,test\n")
    with pytest.raises(ValueError, match="id must be unique over all splits, got 1 repeated: 1; rename"):
        read_csv(path)
    assert len(read_csv(path, unique_ids=False)["test"]) == 1
    with pytest.raises(ValueError, match="id must not be empty, got 1 empty in .*, lines 3"):
        read_csv(write(tmp_path, "id,image,label\n1,a.jpg,a.png\n,b.jpg,b.png\n"))


def test_wrong_columns_and_values(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="data must be a CSV file"):
        read_csv(tmp_path / "lost.csv")
    with pytest.raises(KeyError, match=r"must have the columns \['image'\], got \['id', 'file'\]; name yours"):
        read_csv(write(tmp_path, "id,file\n1,a.jpg\n"))
    with pytest.raises(KeyError, match=r"must have the columns \['mask'\]"):
        read_csv(write(tmp_path, "id,image\n1,a.jpg\n"), {"label": "mask"})
    with pytest.raises(ValueError, match="split must be one of .*, got 'fold1' for 1"):
        read_csv(write(tmp_path, "id,image,label,split\n1,a.jpg,a.png,fold1\n"))
    for age in ("old", "inf", "1e999"):
        with pytest.raises(ValueError, match=f"age must be a number or unknown, got '{age}' for 1"):
            read_csv(write(tmp_path, f"id,image,label,age\n1,a.jpg,a.png,{age}\n"))
    for columns, words in (
        (["id"], r"give our names a table's, got \['id'\]"),
        ({"id": 3}, "column for id, got 3; write"),
    ):
        with pytest.raises(ValueError, match=f"columns must .*{words}"):
            read_csv(tmp_path / "data.csv", columns)
    with pytest.raises(KeyError, match="columns may name classes for several findings an image only"):
        read_csv(tmp_path / "data.csv", {"classes": ["Mass"]})


def test_numbers_that_no_computer_holds_stay_text(tmp_path: Path) -> None:
    row = read_csv(write(tmp_path, f"id,image,label,score,number\n1,a.jpg,a.png,1e999,{'9' * 5000}\n"))["training"][0]
    assert row["score"] == "1e999" and row["number"] == "9" * 5000


def test_without_a_split_column_subjects_are_dealt_out(tmp_path: Path) -> None:
    rows = "".join(f"{number},a.jpg,a.png,p{number // 2},{'rare' if number < 6 else 'usual'}\n" for number in range(60))
    path, said = write(tmp_path, f"id,image,label,Patient ID,diagnosis\n{rows}"), []
    datalists = read_csv(path, say=said.append)
    assert {name: len(items) for name, items in datalists.items()} == {
        "training": 40,  # three subjects of the rare diagnosis, one for each
        "validation": 8,
        "test": 12,
        "unlabelled": 0,
    }
    subjects = [{item["subject"] for item in items} for items in datalists.values()]
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == 30
    assert all("rare" in {item["diagnosis"] for item in datalists[name]} for name in ("training", "validation", "test"))
    assert said == [
        f"split: {path} names none, so its images are dealt out so that no subject is in two: "
        "70% training, 10% validation, 20% test (seed 0)"
    ]
    assert read_csv(path) == datalists


def test_a_split_column_says_nothing_and_an_empty_split_is_refused(tmp_path: Path) -> None:
    said: list[str] = []
    read_csv(write(tmp_path, "id,image,label,split\n1,a.jpg,a.png,train\n"), say=said.append)
    assert not said
    with pytest.raises(ValueError, match="split must be one of .*, got '' for 1; correct the csv, or leave the whole"):
        read_csv(write(tmp_path, "id,image,label,split\n1,a.jpg,a.png,\n"))
