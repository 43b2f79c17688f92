"""From a data set to the one file that every stage reads."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from htl_monai.data.datalists import load_datalists
from htl_monai.data.phantom import write_phantom
from htl_monai.data.prepared import prepare_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_phantom(tmp_path / "phantom", {"training": 3, "validation": 1, "test": 1}, size=(32, 48))


def test_the_lists_come_back_from_the_file(data: Path, tmp_path: Path) -> None:
    written = prepare_data(data, tmp_path / "run" / "data.json")
    assert written == load_datalists(data) == load_datalists(tmp_path / "run" / "data.json")
    assert [len(written[split]) for split in ("training", "validation", "test")] == [3, 1, 1]
    skipped = pd.read_csv(tmp_path / "run" / "skipped.csv")
    assert skipped.empty and skipped.columns.tolist() == ["id", "split", "reason"]


def test_columns_are_passed_on(data: Path, tmp_path: Path) -> None:
    table = pd.read_csv(data / "data.csv").rename(columns={"id": "name", "label": "mask"})
    table.to_csv(data / "data.csv", index=False)
    written = prepare_data(data, tmp_path / "data.json", {"id": "name", "label": "mask"})
    assert written["test"][0]["id"] == "test_00000"


def test_an_unusable_image_stops_and_nothing_is_written(data: Path, tmp_path: Path) -> None:
    (data / "images" / "test_00000.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="test must hold usable images only.*mend them, or leave them out with skip_"):
        prepare_data(data, tmp_path / "run" / "data.json")
    assert not (tmp_path / "run").exists()


def test_unusable_images_are_left_out_by_name(data: Path, tmp_path: Path) -> None:
    (data / "images" / "training_00000.jpg").write_bytes(b"no picture")
    (data / "masks" / "training_00002.png").unlink()
    with pytest.warns(UserWarning, match="2 images are left out: training_00000, training_00002; see skipped.csv"):
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
