"""The images of one split, opened and found sound, and not opened twice."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import htl_monai.data.preparation.left_out
from htl_monai.data.preparation.checked import images_of, lists_of, load_checked
from htl_monai.data.preparation.prepared import prepare_data
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.prepared_list import with_mark


@pytest.fixture
def data(tiny_phantom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom whose first test image has an empty mask, and whose second has one of another size."""
    folder = shutil.copytree(tiny_phantom, tmp_path / "data")
    first, second = (item["label"] for item in load_datalists(folder)["test"][:2])
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(first)
    Image.fromarray(np.full((24, 64), 255, np.uint8)).save(second)
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each search for unusable ones opened."""
    counts: list[int] = []
    find = htl_monai.data.preparation.left_out.find_unusable

    def counting(items: list, progress: bool) -> dict[str, str]:
        counts.append(len(items))
        return find(items, progress)

    monkeypatch.setattr(htl_monai.data.preparation.left_out, "find_unusable", counting)
    return counts


def test_the_images_of_the_split_are_opened_and_no_others(data: Path, opened: list[int]) -> None:
    assert len(images_of(load_checked(data, split="training"), "training")) == 9 and opened == [9]
    with pytest.raises(ValueError, match="test must hold usable images only, got 2 that are not .*empty mask: .*; fix"):
        load_checked(data, split="test")
    assert len(images_of(load_checked(data, split="test", masks=False), "test", masks=False)) == 4


def test_unusable_images_are_left_out_and_listed(data: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="2 images are left out; skipped.csv names them"):
        datalists = load_checked(data, split="test", skip_unusable=True, skipped_path=tmp_path / "skipped.csv")
    assert [item["id"] for item in datalists["test"]] == ["test_00002", "test_00003"]
    skipped = pd.read_csv(tmp_path / "skipped.csv")
    assert skipped["split"].tolist() == ["test", "test"]
    assert skipped["reason"].str.split(":").str[0].tolist() == ["empty mask", "size mismatch"]


def test_what_preparing_wrote_is_opened_again_only_after_a_change(
    tiny_phantom: Path, tmp_path: Path, opened: list[int]
) -> None:
    folder = shutil.copytree(tiny_phantom, tmp_path / "data")
    prepare_data(folder, tmp_path / "data.json")
    opened.clear()
    lists = load_checked(tmp_path / "data.json", split="test")
    assert opened == [] and lists == load_datalists(tmp_path / "data.json")
    os.utime(lists["test"][0]["label"], ns=(0, 0))
    load_checked(tmp_path / "data.json", split="test")
    assert opened == [4]
    content = json.loads((tmp_path / "data.json").read_text())
    del content["checked"]
    (tmp_path / "data.json").write_text(json.dumps(content))
    load_checked(tmp_path / "data.json", split="validation")
    assert opened == [4, 3]


def test_a_checked_list_without_masks_is_no_list_with_masks(tiny_phantom: Path, tmp_path: Path) -> None:
    lists = load_datalists(tiny_phantom)
    for item in lists["test"]:
        del item["label"]
    (tmp_path / "data.json").write_text(json.dumps(with_mark(lists)))
    with pytest.raises(ValueError, match="test must hold usable images only, got 4 .*image or mask is missing"):
        load_checked(tmp_path / "data.json", split="test")


def test_the_lists_of_a_split() -> None:
    assert lists_of("test") == ("test",)
    assert lists_of("all") == ("training", "validation", "test")
    assert lists_of("all", masks=False) == ("training", "validation", "test", "unlabelled")
    with pytest.raises(ValueError, match="split must be one of training, .*, all, got 'tset'; choose one of them"):
        lists_of("tset")


def test_a_split_without_images(tiny_phantom: Path, tmp_path: Path) -> None:
    words = "split must be one with images, got unlabelled of .*, which has 9 in training, 3 in validation, 4 in test"
    with pytest.raises(ValueError, match=words):
        load_checked(tiny_phantom, split="unlabelled", masks=False)
    lists = load_datalists(tiny_phantom)
    for item in lists["validation"]:
        item["image"] += ".lost"
    (tmp_path / "data.json").write_text(json.dumps(lists))
    with pytest.raises(
        ValueError, match="split must be one with images that can be used, got validation of .*data.json"
    ):
        load_checked(tmp_path / "data.json", split="validation", skip_unusable=True)
