"""The samples of an audit: labels of any data list as the task reads them, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.runs.audit_data import audit_items
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.multiclass_classification import MulticlassClassification
from htl_monai.tasks.multilabel_classification import MultilabelClassification

CLASSES = ("nevus", "melanoma")


def write(folder: Path, label: Any) -> Path:
    (folder / "a.png").touch()
    path = folder / "list.json"
    path.write_text(json.dumps({"test": [{"image": "a.png", "label": label}]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("label", [1, "1", "melanoma"])
def test_a_class_may_be_told_by_number_and_by_name(label: Any, tmp_path: Path) -> None:
    (item,) = audit_items(write(tmp_path, label), "all", MulticlassClassification(CLASSES))
    assert item["label"].item() == 1
    table = tmp_path / "data.csv"
    table.write_text(f"id,image,label,split\nx,a.png,{label},test\n", encoding="utf-8")
    (item,) = audit_items(table, "all", MulticlassClassification(CLASSES))
    assert item["label"].item() == 1


@pytest.mark.parametrize("label", ["nothing", 2, -1, 1.5, True, [0, 1]])
def test_a_class_that_is_none_is_refused(label: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label of a.png must be one of nevus, melanoma, or its number, got"):
        audit_items(write(tmp_path, label), "all", MulticlassClassification(CLASSES))


@pytest.mark.parametrize("label", ["yes", 1, [1], [1, 0, 1]])
def test_several_findings_are_a_list(label: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label of a.png must be a list with a value for each of 2 classes, got"):
        audit_items(write(tmp_path, label), "all", MultilabelClassification(CLASSES))


@pytest.mark.parametrize("label", [None, ""])
def test_masks_are_optional(label: Any, tmp_path: Path) -> None:
    (item,) = audit_items(write(tmp_path, label), "all", BinarySegmentation(("background", "lesion")))
    assert "label" not in item
