"""Pseudo-labels as files and as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from htl_monai.attention.pseudo_labels import (
    pseudo_label_path,
    pseudo_label_table,
    read_pseudo_labels,
    sure_enough,
    without_pseudo_label,
    write_pseudo_label,
)
from htl_monai.data.files import sha256, write_csv

CONFIDENCES = {"0001": 0.9, "NA": 0.75, "odd/name": 0.0}


@pytest.fixture
def data() -> list[dict]:
    return [{"id": id_, "image": f"{id_}.jpg", "site": None} for id_ in CONFIDENCES]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "dense.pt"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def folder(tmp_path: Path, weights: Path) -> Path:
    """Masks of 10 × 14: two with a square and a stray pixel, one empty."""
    for id_, confidence in CONFIDENCES.items():
        mask = np.zeros((10, 14), dtype=bool)
        if confidence:
            mask[2:5, 3:9], mask[9, 13] = True, True
        write_pseudo_label(pseudo_label_path(tmp_path / "stage", id_), mask, confidence, sha256(weights))
    return tmp_path / "stage"


def test_files_are_masks_that_carry_their_confidence(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "masks").iterdir())
    assert names == ["0001.png", "NA.png", "odd%2Fname.png"]
    with Image.open(folder / "masks" / "0001.png") as mask:
        assert mask.mode == "L" and mask.size == (14, 10)
        assert mask.info["confidence"] == "0.900000"
        assert np.unique(np.asarray(mask)).tolist() == [0, 255]


def test_the_table_is_made_from_the_files(folder: Path, data: list[dict]) -> None:
    table = pseudo_label_table(data, folder)
    assert table.columns.tolist() == ["id", "label", "confidence", "area_px", "x_min", "y_min", "x_max", "y_max"]
    assert table["id"].tolist() == list(CONFIDENCES) and table["confidence"].tolist() == [0.9, 0.75, 0.0]
    assert table["area_px"].tolist() == [19, 19, 0]
    assert table.loc[0, ["x_min", "y_min", "x_max", "y_max"]].tolist() == [3, 2, 9, 5]
    assert table.loc[2, ["x_min", "y_min", "x_max", "y_max"]].isna().all()
    write_csv(folder / "pseudo_labels.csv", table)
    lines = (folder / "pseudo_labels.csv").read_text().splitlines()
    assert lines[1] == "0001,masks/0001.png,0.9,19,3,2,9,5" and lines[3].endswith(",0.0,0,,,,")


def test_what_is_done_need_not_be_done_again(folder: Path, data: list[dict], weights: Path) -> None:
    assert without_pseudo_label(data, folder, weights) == []
    assert without_pseudo_label(data, folder.parent / "elsewhere", weights) == data
    pseudo_label_path(folder, "NA").unlink()
    assert [item["id"] for item in without_pseudo_label(data, folder, weights)] == ["NA"]
    weights.write_bytes(b"other weights")
    assert without_pseudo_label(data, folder, weights) == data


@pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n", None])
def test_a_damaged_mask_is_made_again(folder: Path, data: list[dict], weights: Path, damage: bytes | None) -> None:
    path = pseudo_label_path(folder, "0001")
    content = bytearray(path.read_bytes())
    content[-20] ^= 255  # inside the pixels or their checksum
    path.write_bytes(bytes(content) if damage is None else damage)
    assert [item["id"] for item in without_pseudo_label(data, folder, weights)] == ["0001"]


def test_a_mask_of_another_origin_is_made_again(folder: Path, data: list[dict], weights: Path) -> None:
    Image.fromarray(np.zeros((10, 14), dtype=np.uint8)).save(pseudo_label_path(folder, "0001"))
    assert [item["id"] for item in without_pseudo_label(data, folder, weights)] == ["0001"]


def test_images_get_their_label_above_a_confidence(folder: Path, data: list[dict]) -> None:
    path = write_csv(folder / "pseudo_labels.csv", pseudo_label_table(data, folder))
    everything = read_pseudo_labels(data, path)
    assert [item["confidence"] for item in everything] == [0.9, 0.75, 0.0]
    assert everything[0] == {**data[0], "label": str(folder / "masks" / "0001.png"), "confidence": 0.9}
    assert [item["id"] for item in sure_enough(everything)] == ["0001", "NA"]  # never the empty one
    assert [item["id"] for item in sure_enough(everything, 0.75)] == ["0001", "NA"]  # the border belongs to it
    assert [item["id"] for item in sure_enough(everything, 0.76)] == ["0001"]
    assert [item["id"] for item in sure_enough(read_pseudo_labels(data[1:], path))] == ["NA"]


def test_what_does_not_fit_is_refused(folder: Path, data: list[dict], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pseudo-labels .*csv do not exist; run the stage pseudo_labelling"):
        read_pseudo_labels(data, folder / "pseudo_labels.csv")
    path = write_csv(folder / "pseudo_labels.csv", pseudo_label_table(data, folder))
    with pytest.raises(ValueError, match=r"got none for 1 \(stranger\); run the stage pseudo_labelling on this data"):
        read_pseudo_labels([*data, {"id": "stranger"}], path)
    with pytest.raises(ValueError, match=r"min_confidence must be in \[0, 1\], got 80; 0.8 is the default"):
        sure_enough(read_pseudo_labels(data, path), 80)
    write_csv(tmp_path / "short.csv", pd.DataFrame({"id": ["0001"], "label": ["x.png"]}))
    with pytest.raises(ValueError, match=r"short.csv must have the columns \['confidence'\], got"):
        read_pseudo_labels(data, tmp_path / "short.csv")
    pseudo_label_path(folder, "NA").unlink()
    with pytest.raises(FileNotFoundError, match=r"got 1 that are not \(NA\); delete the table and run again"):
        read_pseudo_labels(data, path)
    with pytest.raises(FileNotFoundError, match=r"must hold a mask for every image, got none for 1 \(NA\)"):
        pseudo_label_table(data, folder)
    with pytest.raises(FileNotFoundError, match="checkpoint .*nowhere.pt does not exist"):
        without_pseudo_label(data, folder, tmp_path / "nowhere.pt")
