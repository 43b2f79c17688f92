"""From a data set to the one file that every stage reads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from htl_monai.data.preparation.prepared import prepare_data
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.lesion_phantom import write_phantom


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_phantom(tmp_path / "phantom", {"training": 3, "validation": 1, "test": 1}, size=(32, 48))


def test_the_lists_come_back_from_the_file(data: Path, tmp_path: Path) -> None:
    written = prepare_data(data, tmp_path / "run" / "data.json")
    assert written == load_datalists(data) == load_datalists(tmp_path / "run" / "data.json")
    assert [len(written[split]) for split in ("training", "validation", "test")] == [3, 1, 1]
    assert written["unlabelled"] == [] and not (tmp_path / "run" / "near_duplicates.csv").exists()
    skipped = pd.read_csv(tmp_path / "run" / "skipped.csv")
    assert skipped.empty and skipped.columns.tolist() == ["id", "split", "reason"]


def test_columns_are_passed_on(data: Path, tmp_path: Path) -> None:
    table = pd.read_csv(data / "data.csv").rename(columns={"id": "name", "label": "mask"})
    table.to_csv(data / "data.csv", index=False)
    written = prepare_data(data, tmp_path / "data.json", {"id": "name", "label": "mask"})
    assert written["test"][0]["id"] == "test_00000"


def test_an_unusable_image_stops_and_nothing_is_written(data: Path, tmp_path: Path) -> None:
    (data / "images" / "test_00000.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="test must hold usable images only.*fix them, or leave them out with skip_"):
        prepare_data(data, tmp_path / "run" / "data.json")
    assert not (tmp_path / "run").exists()


def test_unusable_images_are_left_out_by_name(data: Path, tmp_path: Path) -> None:
    (data / "images" / "training_00000.jpg").write_bytes(b"no picture")
    (data / "masks" / "training_00002.png").unlink()
    with pytest.warns(UserWarning, match="^2 images are left out; skipped.csv names them$"):
        written = prepare_data(data, tmp_path / "data.json", skip_unusable=True)
    assert [item["id"] for item in written["training"]] == ["training_00001"]
    skipped = pd.read_csv(tmp_path / "skipped.csv").set_index("id")
    assert "unreadable image" in skipped.loc["training_00000", "reason"]
    assert skipped.loc["training_00002", "reason"] == "image or mask is missing"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_split_without_images_is_refused(data: Path, tmp_path: Path) -> None:
    (data / "images" / "validation_00000.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="each split must hold at least one usable image, got none in validation"):
        prepare_data(data, tmp_path / "run" / "data.json", skip_unusable=True)
    assert not (tmp_path / "run" / "data.json").exists()
    assert json.loads((data / "phantom.json").read_text())  # the data itself is not touched


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A phantom with unlabelled images, of which the second shows a test image in another size."""
    counts = {"training": 2, "validation": 1, "test": 2, "unlabelled": 3}
    data = write_phantom(tmp_path / "mixed", counts, size=(48, 64))
    with Image.open(data / "images" / "test_00001.jpg") as image:
        image.resize((120, 90)).save(data / "images" / "unlabelled_00001.jpg")
    return data


def test_unlabelled_images_are_neither_kept_nor_opened_unless_asked_for(mixed: Path, tmp_path: Path) -> None:
    (mixed / "images" / "unlabelled_00000.jpg").write_bytes(b"no picture")
    written = prepare_data(mixed, tmp_path / "data.json")
    assert written["unlabelled"] == [] and len(written["training"]) == 2


def test_near_duplicates_of_test_images_are_left_out_and_named(mixed: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="^1 images are left out; skipped.csv names them$"):
        written = prepare_data(mixed, tmp_path / "run" / "data.json", use_unlabelled=True)
    assert [item["id"] for item in written["unlabelled"]] == ["unlabelled_00000", "unlabelled_00002"]
    assert written == load_datalists(tmp_path / "run" / "data.json")
    duplicates = pd.read_csv(tmp_path / "run" / "near_duplicates.csv")
    assert duplicates[["id", "other_id"]].to_numpy().tolist() == [["unlabelled_00001", "test_00001"]]
    (skipped,) = pd.read_csv(tmp_path / "run" / "skipped.csv").to_dict("records")
    assert skipped["split"] == "unlabelled"
    assert skipped["reason"] == f"near-duplicate of test image test_00001 ({duplicates['distance'][0]} bits)"


def test_near_duplicates_may_stay_and_are_listed_all_the_same(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run" / "data.json"
    written = prepare_data(mixed, out, use_unlabelled=True, leave_out_near_duplicates=False)
    assert len(written["unlabelled"]) == 3 and pd.read_csv(out.with_name("skipped.csv")).empty
    assert pd.read_csv(out.with_name("near_duplicates.csv"))["id"].tolist() == ["unlabelled_00001"]


def test_without_near_duplicates_their_table_is_empty(mixed: Path, tmp_path: Path) -> None:
    write_phantom(mixed, {"training": 1, "validation": 1, "test": 1, "unlabelled": 2}, size=(48, 64), seed=1)
    prepare_data(mixed, tmp_path / "data.json", use_unlabelled=True)
    duplicates = pd.read_csv(tmp_path / "near_duplicates.csv")
    assert duplicates.empty and duplicates.columns.tolist() == ["id", "other_id", "distance"]


def test_unlabelled_images_that_are_asked_for_must_be_there(data: Path, mixed: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got no unlabelled images in .*phantom; name some unlabelled in the column"):
        prepare_data(data, tmp_path / "run" / "data.json", use_unlabelled=True)
    (mixed / "images" / "unlabelled_00002.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="unlabelled must hold usable images only, got 1 .*unreadable image"):
        prepare_data(mixed, tmp_path / "run" / "data.json", use_unlabelled=True)
    assert not (tmp_path / "run").exists()


def test_images_without_masks_are_no_supervised_data(tmp_path: Path) -> None:
    images = tmp_path / "ISIC2018_Task3_Training_Input"
    diagnoses = tmp_path / "ISIC2018_Task3_Training_GroundTruth"
    images.mkdir()
    diagnoses.mkdir()
    (images / "a.jpg").write_bytes(b"never opened")
    (diagnoses / "diagnoses.csv").write_text("image,MEL,NV\na,1,0\n")
    with pytest.raises(ValueError, match="training must hold usable images only, got 1 .*a: image or mask is missing"):
        prepare_data(tmp_path, tmp_path / "run" / "data.json")


def test_how_a_table_without_splits_was_split_stands_in_the_file(tiny_phantom: Path, tmp_path: Path) -> None:
    table = pd.read_csv(tiny_phantom / "data.csv", dtype=str).drop(columns="split")
    table[["image", "label"]] = f"{tiny_phantom}/" + table[["image", "label"]]
    table.to_csv(tmp_path / "table.csv", index=False)
    datalists = prepare_data(tmp_path / "table.csv", tmp_path / "data.json")
    content = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    (note,) = content["notes"]
    assert note.startswith(f"split: {tmp_path / 'table.csv'} names none, so its images are dealt out image by image")
    assert load_datalists(tmp_path / "data.json") == datalists
    assert content["training"] == datalists["training"] and len(datalists["training"]) == 10
