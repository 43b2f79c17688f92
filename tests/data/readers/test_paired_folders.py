"""Images in one folder and masks in another, without a table."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from htl_monai.data.preparation.check import check_data
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.paired_folders import read_paired_folders


def lay_out(root: Path, files: str) -> Path:
    for name in files.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"never opened")
    return root


@pytest.mark.parametrize("ending", ["", "_mask", "_segmentation", "_label"])
def test_a_mask_is_found_by_the_name_of_its_image(tmp_path: Path, ending: str) -> None:
    lay_out(tmp_path, f"images/one.jpg images/more/two.v2.JPEG masks/one{ending}.png masks/more/two.v2{ending}.png")
    (tmp_path / "images" / "notes.txt").write_text("no picture")
    items = [item for part in load_datalists(tmp_path).values() for item in part]
    masks = {item["id"]: Path(item["label"]).relative_to(tmp_path).as_posix() for item in items}
    assert masks == {"one": f"masks/one{ending}.png", "more/two.v2": f"masks/more/two.v2{ending}.png"}


def test_without_split_folders_images_are_dealt_out_and_that_is_said(tmp_path: Path) -> None:
    lay_out(tmp_path, " ".join(f"images/{name}.jpg masks/{name}.png" for name in range(10)))
    said: list[str] = []
    datalists = load_datalists(tmp_path, say=said.append)
    assert {name: len(items) for name, items in datalists.items()} == {
        "training": 7,
        "validation": 1,
        "test": 2,
        "unlabelled": 0,
    }
    assert said == [
        f"split: {tmp_path} names none, so its images are dealt out image by image, as no subject is named: "
        "70% training, 10% validation, 20% test (seed 0)"
    ]
    assert load_datalists(tmp_path) == datalists


def test_split_folders(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        "train/images/a.jpg train/masks/a.png val/images/a.jpg val/masks/a.png unlabelled/images/b.png other/c",
    )
    said: list[str] = []
    datalists = load_datalists(tmp_path, say=said.append)
    ids = {name: [item["id"] for item in items] for name, items in datalists.items()}
    assert ids == {"training": ["train/a"], "validation": ["val/a"], "test": [], "unlabelled": ["unlabelled/b"]}
    assert not said and "label" not in datalists["unlabelled"][0]
    lay_out(tmp_path, "training/images/a.jpg training/masks/a.png")
    with pytest.raises(ValueError, match="each split must have one folder in .*, got train and training; keep one"):
        load_datalists(tmp_path)


def test_what_does_not_match(tmp_path: Path, tiny_phantom: Path) -> None:
    image, mask = (next((tiny_phantom / folder).glob("*")) for folder in ("images", "masks"))
    for place in ("images/a.jpg", "images/b.jpg", "masks/a.png", "masks/c.png"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(image if place.startswith("images") else mask, tmp_path / place)
    with pytest.raises(ValueError, match="every image must have its mask in .*, got 1 of . without: b; add them"):
        load_datalists(tmp_path)
    report = check_data(load_datalists(tmp_path, on_missing="keep"))
    found = {(problem.kind, problem.id) for problem in report.problems}
    assert {("image_without_mask", "b"), ("mask_without_image", "c.png")} <= found


def test_two_images_of_one_name(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/a.jpg images/a.png masks/a.png")
    with pytest.raises(ValueError, match="id must be unique over all splits, got 1 repeated: a"):
        load_datalists(tmp_path)


def test_columns_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="data must hold the folders images and masks, got"):
        read_paired_folders(tmp_path)
    lay_out(tmp_path, "images/a.jpg masks/a.png")
    with pytest.raises(ValueError, match="columns must be empty for .*, which has no table of yours, got"):
        load_datalists(tmp_path, {"id": "name"})


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"two\nlines.jpg"])
def test_a_name_that_no_table_can_hold_is_refused(tmp_path: Path, name: bytes) -> None:
    lay_out(tmp_path, "images/a.jpg masks/a.png")
    with open(os.path.join(os.fsencode(tmp_path), b"images", name), "wb"):
        pass
    with pytest.raises(ValueError, match=r"names of files must be printable text, got b'.*\\.*jpg'; rename it"):
        load_datalists(tmp_path)
