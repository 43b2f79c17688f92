"""Copies are found however they lie; other pictures are not."""

from __future__ import annotations

import os
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from htl_monai.data.preparation import near_duplicates as module
from htl_monai.data.preparation.near_duplicates import near_duplicates
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.lesion_phantom import write_phantom

Items = list[dict[str, str]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Items:
    return load_datalists(write_phantom(tmp_path_factory.mktemp("phantom"), {"training": 12}))["training"]


def copy_of(item: dict[str, str], folder: Path, change) -> dict[str, str]:
    path = folder / "copy.jpg"
    with Image.open(item["image"]) as image:
        change(image).save(path, quality=70)
    return {"id": "copy", "image": str(path)}


def test_drawings_are_unlike_each_other(pictures: Items) -> None:
    table = near_duplicates(pictures, pictures)
    assert table["id"].tolist() == table["other_id"].tolist() == [item["id"] for item in pictures]
    assert (table["distance"] == 0).all()


@pytest.mark.parametrize("way", [None, *Image.Transpose])
def test_a_copy_is_found_however_it_is_turned(pictures: Items, tmp_path: Path, way: Image.Transpose | None) -> None:
    copy = copy_of(pictures[3], tmp_path, lambda image: image if way is None else image.transpose(way))
    for table in (near_duplicates([copy], pictures), near_duplicates(pictures, [copy])):
        ((id_, other_id, distance),) = table.itertuples(index=False)
        assert {id_, other_id} == {"copy", pictures[3]["id"]} and distance <= 30


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((300, 225)),
        lambda image: ImageEnhance.Color(image).enhance(0.3),
        lambda image: ImageEnhance.Brightness(image).enhance(1.1),
        lambda image: image.convert("L"),
    ],
)
def test_a_copy_is_found_however_it_was_saved(pictures: Items, tmp_path: Path, change) -> None:
    assert near_duplicates([copy_of(pictures[5], tmp_path, change)], pictures)["other_id"].tolist() == [
        pictures[5]["id"]
    ]


def test_distances_are_those_of_imagehash(pictures: Items, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 5)
    table = near_duplicates(pictures[:7], pictures[7:], max_distance=256)
    assert len(table) == 7 * 5 and table["distance"].is_monotonic_increasing
    square = {
        item["id"]: Image.open(item["image"]).convert("L").resize((64, 64), Image.Resampling.LANCZOS)
        for item in pictures
    }
    for id_, other_id, distance in table.itertuples(index=False):
        other = square[other_id]
        hashes = [imagehash.phash(way, 16) for way in (other, *(other.transpose(way) for way in Image.Transpose))]
        assert distance == min(imagehash.phash(square[id_], 16) - hash_ for hash_ in hashes)


def test_nothing_to_compare_and_files_that_cannot_be_opened(pictures: Items, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    broken = [{"id": "broken", "image": str(tmp_path / "broken.jpg")}, {"id": "lost", "image": "lost.jpg"}]
    for items, others in (([], []), ([], pictures), (pictures, []), (broken, pictures), (pictures, broken)):
        table = near_duplicates(items, others, max_distance=256)
        assert table.empty and table.columns.tolist() == ["id", "other_id", "distance"]
    assert near_duplicates([*broken, pictures[0]], pictures)["id"].tolist() == [pictures[0]["id"]]


@pytest.mark.parametrize("distance", [-1, 257])
def test_distances_that_cannot_be(distance: int) -> None:
    with pytest.raises(ValueError, match=f"max_distance must be in 0 to 256 bits, got {distance}; 40 is the default"):
        near_duplicates([], [], max_distance=distance)


@pytest.mark.slow
@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real ISIC data under the folder HTL_DATA")
def test_real_data_has_no_unlabelled_copy_of_a_test_image() -> None:
    datalists = load_datalists(os.environ["HTL_DATA"])
    nearest = near_duplicates(datalists["unlabelled"], datalists["test"], max_distance=50)
    assert nearest["distance"].min() == 44 and np.all(nearest["distance"] > module.MAX_DISTANCE)
    copies = near_duplicates(datalists["training"], datalists["test"])
    assert len(copies) == 12 and (copies["distance"] == 0).sum() == 2
