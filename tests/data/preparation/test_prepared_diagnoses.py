"""The data lists of the weakly supervised setting: diagnoses to train on, masks to test on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from htl_monai.data.preparation.prepared import prepare_diagnoses
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.lesion_phantom import write_phantom


@pytest.fixture
def data(tmp_path: Path) -> Path:
    counts = {"training": 6, "validation": 4, "test": 3, "unlabelled": 30}
    return write_phantom(tmp_path / "phantom", counts, size=(48, 64), seed=1)


def change(data: Path, rows: str, column: str, value: str) -> None:
    table = pd.read_csv(data / "data.csv", keep_default_na=False, dtype=str)
    table.loc[table["id"].str.contains(rows), column] = value
    table.to_csv(data / "data.csv", index=False)


def test_training_comes_from_the_unlabelled_images(data: Path, tmp_path: Path) -> None:
    written = prepare_diagnoses(data, tmp_path / "run" / "data.json", validation_share=0.2)
    assert written == load_datalists(tmp_path / "run" / "data.json")
    assert list(written) == ["training", "validation", "test", "unlabelled"]
    assert [len(items) for items in written.values()] == [24, 6, 3, 0]
    learnt = written["training"] + written["validation"]
    assert all(item["id"].startswith("unlabelled") and "label" not in item and item["diagnosis"] for item in learnt)
    assert all(Path(item["label"]).is_file() for item in written["test"])
    for name in ("skipped", "near_duplicates"):
        assert pd.read_csv(tmp_path / "run" / f"{name}.csv").empty


def test_images_of_one_subject_stay_together(data: Path, tmp_path: Path) -> None:
    table = pd.read_csv(data / "data.csv", keep_default_na=False)
    table["subject"] = [f"lesion{number // 3}" for number in range(len(table))]
    table.to_csv(data / "data.csv", index=False)
    written = prepare_diagnoses(data, tmp_path / "data.json", validation_share=0.3)
    subjects = [{item["subject"] for item in written[name]} for name in ("training", "validation")]
    assert all(subjects) and not subjects[0] & subjects[1]
    assert written == prepare_diagnoses(data, tmp_path / "data.json", validation_share=0.3)
    assert written != prepare_diagnoses(data, tmp_path / "data.json", validation_share=0.3, seed=1)


def test_without_unlabelled_images_the_own_lists_are_used_and_their_masks_are_not(data: Path, tmp_path: Path) -> None:
    write_phantom(data, {"training": 12, "validation": 5, "test": 3}, size=(48, 64), seed=1)
    for path in (data / "masks").glob("training*.png"):
        path.write_bytes(b"never opened")
    (data / "masks" / "validation_00000.png").unlink()
    written = prepare_diagnoses(data, tmp_path / "data.json")
    assert [len(items) for items in written.values()] == [12, 5, 3, 0]
    assert not any("label" in item for name in ("training", "validation") for item in written[name])


def test_what_is_left_out_is_named(data: Path, tmp_path: Path) -> None:
    change(data, "unlabelled_0000[01]", "diagnosis", "")
    (data / "images" / "unlabelled_00002.jpg").write_bytes(b"no picture")
    with Image.open(data / "images" / "test_00000.jpg") as image:
        image.rotate(180).save(data / "images" / "unlabelled_00003.jpg")
    with pytest.warns(UserWarning, match="^4 images are left out; skipped.csv names them$"):
        written = prepare_diagnoses(data, tmp_path / "data.json", skip_unusable=True)
    assert len(written["training"]) + len(written["validation"]) == 26
    reasons = pd.read_csv(tmp_path / "skipped.csv").set_index("id")["reason"]
    assert reasons["unlabelled_00000"] == reasons["unlabelled_00001"] == "diagnosis is not known"
    assert reasons["unlabelled_00002"].startswith("unreadable image")
    assert reasons["unlabelled_00003"].startswith("near-duplicate of test image test_00000")
    assert pd.read_csv(tmp_path / "near_duplicates.csv")["id"].tolist() == ["unlabelled_00003"]


def test_test_images_must_have_masks(data: Path, tmp_path: Path) -> None:
    (data / "masks" / "test_00001.png").unlink()
    with pytest.raises(ValueError, match="test must hold usable images only, got 1 .*test_00001: image or mask is mis"):
        prepare_diagnoses(data, tmp_path / "run" / "data.json")
    for path in (data / "masks").glob("test*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="test must hold images with masks, got none among 3 in .*phantom; add masks"):
        prepare_diagnoses(data, tmp_path / "run" / "data.json", skip_unusable=True)
    assert not (tmp_path / "run").exists()


def test_diagnoses_must_be_several_and_each_in_training(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"validation_share must be in \(0, 1\), got 1"):
        prepare_diagnoses(data, tmp_path / "run" / "data.json", validation_share=1)
    change(data, "unlabelled", "diagnosis", "nevus")
    with pytest.raises(ValueError, match=r"diagnosis must have at least two values, got \['nevus'\] in 30 images"):
        prepare_diagnoses(data, tmp_path / "run" / "data.json")
    change(data, "unlabelled", "split", "training")
    change(data, "validation_00001", "diagnosis", "naevus")
    change(data, "training", "diagnosis", "nevus")
    change(data, "validation_0000[02-9]", "diagnosis", "nevus")
    with pytest.raises(ValueError, match="every diagnosis must have images in training, got none of naevus; add some"):
        prepare_diagnoses(data, tmp_path / "run" / "data.json", skip_unusable=True)
    assert not (tmp_path / "run").exists()


def test_each_split_must_have_images(data: Path, tmp_path: Path) -> None:
    write_phantom(data, {"training": 12, "test": 3}, size=(48, 64), seed=1)
    with pytest.raises(ValueError, match="each split must hold at least one usable image, got none in validation"):
        prepare_diagnoses(data, tmp_path / "data.json")
