"""The label files of NIH-CXR-LT and MIMIC-CXR-LT, written small and, where it is at hand, the real sample."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.long_tail import has_long_tail_layout, read_long_tail

HEADER = "id,Mass,Hernia,No Finding,subj_id\n"
ROWS = {
    "train": "00000001_000.png,1,0,0,00000001\n00000001_001.png,1,1,0,00000001\n",
    "val": "00000002_000.png,0,0,1,00000002\n",
    "test": "00000003_000.png,-1,,0,00000003\n",
}


def label_file(root: Path, part: str, data_set: str = "nih") -> Path:
    return root / f"miccai2023_{data_set}-cxr-lt_labels_{part}.csv"


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for part, rows in ROWS.items():
        label_file(tmp_path, part).write_text(HEADER + rows)
        for row in rows.splitlines():
            (tmp_path / "images" / row.split(",")[0]).write_bytes(b"never opened")
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_nih_files(nih: Path) -> None:
    datalists = read_long_tail(nih)
    assert datalists.classes == ["Mass", "Hernia", "No Finding"]
    assert {name: len(items) for name, items in datalists.items()} == {
        "training": 2,
        "validation": 1,
        "test": 1,
        "unlabelled": 0,
    }
    assert datalists["training"][1] == {
        "id": "00000001_001.png",
        "image": str(nih / "images" / "00000001_001.png"),
        "label": [1.0, 1.0, 0.0],
        "subject": "00000001",
    }
    assert datalists["test"][0]["label"] == [None, None, 0.0]
    assert has_long_tail_layout(nih) and load_datalists(nih) == datalists


def test_label_files_may_lie_in_a_subfolder(nih: Path) -> None:
    expected = read_long_tail(nih)
    (nih / "labels").mkdir()
    for part in ROWS:
        label_file(nih, part).rename(label_file(nih / "labels", part))
    assert has_long_tail_layout(nih) and read_long_tail(nih) == expected


def test_mimic_files(tmp_path: Path) -> None:
    for number, part in enumerate(ROWS):
        path = f"files/p10/p{number}/s{number}/x{number}"
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / f"{path}.jpg").write_bytes(b"never opened")
        text = (
            f"dicom_id,subject_id,study_id,path,ViewPosition,Edema\nx{number},{number},0,{path}.dcm,AP,{number % 2}\n"
        )
        label_file(tmp_path, part, "mimic").write_text(text)
    datalists = read_long_tail(tmp_path)
    assert datalists.classes == ["Edema"]
    assert datalists["validation"] == [
        {
            "id": "files/p10/p1/s1/x1.dcm",
            "image": str(tmp_path / "files/p10/p1/s1/x1.jpg"),
            "label": [1.0],
            "subject": "1",
            "dicom_id": "x1",
            "study_id": "0",
            "ViewPosition": "AP",
        }
    ]


def test_classes_and_images_may_be_chosen(nih: Path) -> None:
    (nih / "images_big").mkdir()
    (nih / "images_big" / "00000002_000.png").write_bytes(b"")
    datalists = read_long_tail(nih, {"classes": ["Hernia"], "images": "images_big"}, on_missing="keep")
    assert datalists.classes == ["Hernia"] and [item["label"] for item in datalists["training"]] == [[0.0], [1.0]]
    assert datalists["validation"][0]["image"] == str(nih / "images_big" / "00000002_000.png")
    with pytest.raises(KeyError, match="columns may name classes and images for .*, got id; leave the rest out"):
        read_long_tail(nih, {"id": "path"})


def test_the_truth_of_a_phantom_becomes_metadata(nih: Path) -> None:
    (nih / "planted.csv").write_text("id,split,hard,noisy,which\n00000002_000.png,validation,1,0,\n")
    datalists = read_long_tail(nih)
    assert {name: datalists["validation"][0][name] for name in ("hard", "noisy")} == {"hard": 1, "noisy": 0}


def test_missing_images(nih: Path) -> None:
    (nih / "images" / "00000001_001.png").unlink()
    with pytest.raises(ValueError, match="must have its image in .*images, got 1 of 2 without: 00000001_001"):
        read_long_tail(nih)
    with pytest.warns(UserWarning, match="1 of 2 images left out, no image in .*: 00000001_001.png"):
        datalists = read_long_tail(nih, on_missing="skip")
    assert [item["id"] for item in datalists["training"]] == ["00000001_000.png"]
    datalists = read_long_tail(nih, on_missing="keep")
    assert datalists["training"][1]["image"] == str(nih / "images" / "00000001_001.png")


def test_the_three_files_must_be_there_and_of_one_data_set(nih: Path) -> None:
    label_file(nih, "val").rename(nih / "aside.csv")
    with pytest.raises(FileNotFoundError, match="train, val and test of nih, got none of val; restore"):
        read_long_tail(nih)
    label_file(nih, "val", "mimic").write_text(HEADER)
    with pytest.raises(ValueError, match="of one data set, got mimic and nih in .*; give a folder of one"):
        read_long_tail(nih)
    with pytest.raises(FileNotFoundError, match="of one data set, got none in"):
        read_long_tail(nih / "images")
    assert not has_long_tail_layout(nih / "images")


def test_the_three_files_must_have_the_same_classes(nih: Path) -> None:
    change(label_file(nih, "test"), "Hernia", "Herniation")
    with pytest.raises(ValueError, match="the same classes, got none of Herniation in train; add the columns"):
        read_long_tail(nih)
    assert read_long_tail(nih, {"classes": ["Mass"]}).classes == ["Mass"]


def test_values_and_ids_are_checked(nih: Path) -> None:
    change(label_file(nih, "val"), "00000002_000.png,0", "00000002_000.png,3")
    with pytest.raises(ValueError, match="class 'Mass' must be 0, 1 or unknown .*, got '3' for 00000002_000.png"):
        read_long_tail(nih)
    change(label_file(nih, "val"), "00000002_000.png,3", "00000001_000.png,0")
    with pytest.raises(ValueError, match="id must be unique over all splits, got 1 repeated: 00000001_000.png"):
        read_long_tail(nih)
    assert len(read_long_tail(nih, unique_ids=False)["validation"]) == 1
    change(label_file(nih, "val"), "00000001_000.png", "")
    with pytest.raises(ValueError, match="id must not be empty, got 1 empty in .*, lines 2"):
        read_long_tail(nih)
    change(label_file(nih, "val"), "id,Mass", "name,Mass")
    with pytest.raises(KeyError, match="label files in .* must all have the column id or path, got .*'val': .'name'"):
        read_long_tail(nih)


@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real chest X-rays under the folder HTL_DATA")
def test_real_sample() -> None:
    datalists = read_long_tail(Path(os.environ["HTL_DATA"]) / "nih_cxr_sample")
    assert len(datalists.classes) == 15 and datalists.classes[-1] == "No Finding"
    assert [len(items) for items in datalists.values()] == [948, 120, 549, 0]
    assert {Path(item["image"]).parent.name for items in datalists.values() for item in items} == {"images_64"}
    hernia = datalists.classes.index("Hernia")
    assert [sum(item["label"][hernia] for item in items) for items in datalists.values()] == [17, 3, 9, 0]
