"""The official ISIC-2018 Task 3 folders, drawn small and, where they are at hand, the real ones."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.isic import has_isic2018_layout, read_isic2018_task3

PREFIX = "ISIC2018_Task3_Training"
ROWS = "ISIC_1,0.0,1.0,0.0\nISIC_2,1,0,0\nISIC_3,0.0,0.0,1.0\n"


def write_diagnoses(root: Path, rows: str, header: str = "image,MEL,NV,BCC") -> None:
    (root / f"{PREFIX}_GroundTruth" / f"{PREFIX}_GroundTruth.csv").write_text(f"{header}\n{rows}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("Input", "GroundTruth"):
        (tmp_path / f"{PREFIX}_{folder}").mkdir()
    for number in (3, 1, 2):
        (tmp_path / f"{PREFIX}_Input" / f"ISIC_{number}.jpg").write_bytes(b"never opened")
    (tmp_path / f"{PREFIX}_Input" / "LICENSE.txt").write_text("passed over")
    write_diagnoses(tmp_path, ROWS)
    (tmp_path / f"{PREFIX}_LesionGroupings.csv").write_text(
        "image,lesion_id,diagnosis_confirm_type\nISIC_1,HAM_7,histopathology\nISIC_2,HAM_7,histopathology\n"
    )
    (tmp_path / "HAM10000_metadata.csv").write_text(
        "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
        "HAM_7,ISIC_1,nv,histo,45.0,Female,lower extremity\nHAM_8,ISIC_3,bcc,histo,,unknown,unknown\n"
    )
    return tmp_path


def test_items_carry_diagnosis_lesion_and_metadata(root: Path) -> None:
    first, second, third = read_isic2018_task3(root)
    assert first == {
        "id": "ISIC_1",
        "image": str(root / f"{PREFIX}_Input" / "ISIC_1.jpg"),
        "diagnosis": "NV",
        "age": 45.0,
        "sex": "female",
        "site": "lower extremity",
        "subject": "HAM_7",
    }
    assert (second["diagnosis"], second["subject"], second["age"]) == ("MEL", "HAM_7", None)
    assert (third["diagnosis"], third["age"], third["sex"], third["site"]) == ("BCC", None, None, None)
    assert third["subject"] == "HAM_8"  # the metadata knows lesions, too


def test_metadata_and_groupings_are_optional(root: Path) -> None:
    (root / f"{PREFIX}_LesionGroupings.csv").unlink()
    (root / "HAM10000_metadata.csv").unlink()
    items = read_isic2018_task3(root)
    assert all(item[name] is None for item in items for name in ("age", "sex", "site", "subject"))
    assert [item["diagnosis"] for item in items] == ["NV", "MEL", "BCC"]


def test_as_many_classes_as_columns(root: Path) -> None:
    write_diagnoses(root, "ISIC_1,1\nISIC_2,1\nISIC_3,1\n", header="image,lesion")
    assert {item["diagnosis"] for item in read_isic2018_task3(root)} == {"lesion"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("ISIC_1,0,0,0\nISIC_2,1,0,0\nISIC_3,0,1,0\n", "must name one class, got no class for ISIC_1; correct"),
        ("ISIC_1,0,1,0\nISIC_2,1,0,1\nISIC_3,1,1,0\n", "must name one class, got several for ISIC_2, ISIC_3; correct"),
        ("ISIC_1,0,1,0\nISIC_2,0.5,0.5,0\nISIC_3,,0,1\n", "must be 0 or 1 in .*, got other values for ISIC_2, ISIC_3"),
        ("ISIC_1,0,1\nISIC_2,1,0,0\nISIC_3,0,0,1\n", "must have as many fields as the first, 4, got 3 in line 2"),
        (ROWS + "ISIC_1,0,1,0\n", "image must be unique in .*, got repeated ISIC_1"),
    ],
)
def test_rows_that_name_no_one_class(root: Path, rows: str, words: str) -> None:
    write_diagnoses(root, rows)
    with pytest.raises(ValueError, match=words):
        read_isic2018_task3(root)


def test_tables_without_classes_or_ids(root: Path) -> None:
    write_diagnoses(root, "ISIC_1\n", header="image")
    with pytest.raises(KeyError, match="must have a column for each class beside image and at least one row"):
        read_isic2018_task3(root)
    write_diagnoses(root, ROWS, header="name,MEL,NV,BCC")
    with pytest.raises(KeyError, match="must have the column image, got"):
        read_isic2018_task3(root)
    write_diagnoses(root, ROWS)
    (root / "HAM10000_metadata.csv").write_text("image_id,age\nISIC_2,old\n")
    with pytest.raises(ValueError, match="age must be a number or unknown, got 'old' for ISIC_2"):
        read_isic2018_task3(root)


def test_image_without_row_raises_is_skipped_or_kept(root: Path) -> None:
    write_diagnoses(root, "ISIC_1,0,1,0\nISIC_3,0,0,1\n")
    with pytest.raises(ValueError, match="every image must have its row in .*csv, got 1 of 3 without: ISIC_2; add"):
        read_isic2018_task3(root)
    with pytest.warns(UserWarning, match="1 of 3 images left out, no row in .*csv: ISIC_2"):
        assert [item["id"] for item in read_isic2018_task3(root, on_missing="skip")] == ["ISIC_1", "ISIC_3"]
    assert [item["diagnosis"] for item in read_isic2018_task3(root, on_missing="keep")] == ["NV", None, "BCC"]


def test_row_without_image_raises_is_skipped_or_kept(root: Path) -> None:
    (root / f"{PREFIX}_Input" / "ISIC_2.jpg").unlink()
    with pytest.raises(ValueError, match="every image must have its image in .*_Input, got 1 of 3 without: ISIC_2"):
        read_isic2018_task3(root)
    with pytest.warns(UserWarning, match="1 of 3 images left out, no image in"):
        assert [item["id"] for item in read_isic2018_task3(root, on_missing="skip")] == ["ISIC_1", "ISIC_3"]
    kept = read_isic2018_task3(root, on_missing="keep")[1]
    assert (kept["id"], kept["diagnosis"], Path(kept["image"]).exists()) == ("ISIC_2", "MEL", False)


def test_folders_and_files_that_are_not_there(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert has_isic2018_layout(root)
    other = tmp_path_factory.mktemp("other")
    assert not has_isic2018_layout(other)
    with pytest.raises(FileNotFoundError, match="must hold the folder ISIC2018_Task3_Training_Input"):
        read_isic2018_task3(other)
    (root / f"{PREFIX}_GroundTruth" / "more.csv").write_text("")
    with pytest.raises(FileNotFoundError, match="must hold one csv of diagnoses, got ISIC2018_.*csv, more.csv;"):
        read_isic2018_task3(root)
    for path in (root / f"{PREFIX}_GroundTruth").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="must hold one csv of diagnoses, got none"):
        read_isic2018_task3(root)


def test_an_id_that_is_there_twice_and_an_unknown_word(root: Path) -> None:
    (root / f"{PREFIX}_Input" / "ISIC_1.png").write_bytes(b"")
    with pytest.raises(ValueError, match="unique over all splits, got 1 repeated: ISIC_1"):
        read_isic2018_task3(root)
    assert len(read_isic2018_task3(root, unique_ids=False)) == 4
    with pytest.raises(ValueError, match="on_missing must be one of raise, skip, keep, name, got 'ignore'"):
        read_isic2018_task3(root, on_missing="ignore")


@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real ISIC-2018 Task 3 under the folder HTL_DATA")
def test_real_counts() -> None:
    root = Path(os.environ["HTL_DATA"]) / "isic2018_task3"
    items = read_isic2018_task3(root)
    assert Counter(item["diagnosis"] for item in items) == {
        "NV": 6705, "MEL": 1113, "BKL": 1099, "BCC": 514, "AKIEC": 327, "VASC": 142, "DF": 115,
    }  # fmt: skip
    assert len({item["subject"] for item in items}) == 7470
    assert sum(item["age"] is None for item in items) == sum(item["sex"] is None for item in items) == 57
    assert sum(item["site"] is None for item in items) == 234
    datalists = load_datalists(root)
    assert [len(datalists[name]) for name in ("training", "validation", "test", "unlabelled")] == [7011, 1000, 2004, 0]
    both = load_datalists(os.environ["HTL_DATA"])
    assert [len(part) for part in both.values()] == [2000, 150, 600, 10015] and both["unlabelled"] == items
