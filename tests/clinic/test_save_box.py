"""The box lies where the picture lay, with what was found in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from htl_monai.clinic.finding import found_class
from htl_monai.clinic.save_box import SaveBoxd


def mask(path: str, rows: slice = slice(2, 5), columns: slice = slice(3, 9)) -> MetaTensor:
    pixels = torch.zeros(1, 10, 12, dtype=torch.uint8)
    pixels[:, rows, columns] = 1
    return MetaTensor(pixels, meta={"filename_or_obj": path})


def test_files_and_numbers(tmp_path: Path) -> None:
    save = SaveBoxd("pred", tmp_path / "out", data_root_dir="/data", class_key="class_prob", classes=["MEL", "NV"])
    data = {"pred": mask("/data/sub/a.jpg"), "class_prob": torch.tensor([0.25, 0.75])}
    assert save(data).keys() == data.keys()
    found = json.loads((tmp_path / "out" / "sub" / "a_box.json").read_text(encoding="utf-8"))
    assert found == {
        "image": "/data/sub/a.jpg",
        "size": [12, 10],
        "box": {"x_min": 3, "y_min": 2, "x_max": 9, "y_max": 5},
        "area_px": 18,
        "class_index": 1,
        "class_name": "NV",
        "class_prob": 0.75,
    }


def test_an_empty_mask_has_no_box_and_a_segmentation_no_class(tmp_path: Path) -> None:
    SaveBoxd("pred", tmp_path)({"pred": mask("/data/b.png", rows=slice(0, 0))})
    found = json.loads((tmp_path / "b_box.json").read_text(encoding="utf-8"))
    assert found == {"image": "/data/b.png", "size": [12, 10], "box": None, "area_px": 0}


def test_wrong_data(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pred must be a mask \(1, H, W\), got \(2, 10, 12\) of /data/a.jpg"):
        SaveBoxd("pred", tmp_path)({"pred": MetaTensor(np.zeros((2, 10, 12)), meta={"filename_or_obj": "/data/a.jpg"})})
    with pytest.raises(KeyError, match="class_key must be a key of the data, got 'class_prob', which have pred;"):
        SaveBoxd("pred", tmp_path, class_key="class_prob")({"pred": mask("/data/a.jpg")})
    with pytest.raises(ValueError, match="classes must be the names of 3 classes, got MEL, NV"):
        found_class(torch.ones(3) / 3, ["MEL", "NV"])
    assert not list(tmp_path.iterdir())
