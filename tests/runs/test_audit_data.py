"""The samples of an audit: labels of any data list as the task reads them, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.runs.audit_data import audit_items, sift, sound
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.multiclass_classification import MulticlassClassification
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.task import Task

CLASSES = ("nevus", "melanoma")


def only(data: Path, task: Task) -> dict[str, Any]:
    (item,) = audit_items(data, "all", task)
    return sound(item, task)


def write(folder: Path, label: Any) -> Path:
    (folder / "a.png").touch()
    path = folder / "list.json"
    path.write_text(json.dumps({"test": [{"image": "a.png", "label": label}]}), encoding="utf-8")
    return path


@pytest.mark.parametrize("label", [1, "1", "melanoma"])
def test_a_class_may_be_told_by_number_and_by_name(label: Any, tmp_path: Path) -> None:
    item = only(write(tmp_path, label), MulticlassClassification(CLASSES))
    assert item["label"].item() == 1
    table = tmp_path / "data.csv"
    table.write_text(f"id,image,label,split\nx,a.png,{label},test\n", encoding="utf-8")
    item = only(table, MulticlassClassification(CLASSES))
    assert item["label"].item() == 1


@pytest.mark.parametrize("label", ["nothing", 2, -1, 1.5, True, [0, 1]])
def test_a_class_that_is_none_is_refused(label: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label of a.png must be one of nevus, melanoma, or its number, got"):
        only(write(tmp_path, label), MulticlassClassification(CLASSES))


@pytest.mark.parametrize("label", ["yes", 1, [1], [1, 0, 1]])
def test_several_findings_are_a_list(label: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="label of a.png must be a list with a value for each of 2 classes, got"):
        only(write(tmp_path, label), MultilabelClassification(CLASSES))


@pytest.mark.parametrize("label", [None, ""])
def test_masks_are_optional(label: Any, tmp_path: Path) -> None:
    item = only(write(tmp_path, label), BinarySegmentation(("background", "lesion")))
    assert "label" not in item


def test_what_a_check_refuses_stops_or_is_left_out_with_its_reason() -> None:
    def check(item: dict[str, Any]) -> dict[str, Any] | None:
        if "bad" in item:
            raise ValueError(f"image {item['id']} must be good, got bad; mend it")
        return item | {"seen": True} if "label" in item else None

    items = [
        {"id": "a", "split": "test"},
        {"id": "b", "split": "test", "bad": 1},
        {"id": "c", "split": "test", "label": 1},
    ]
    used, skipped = sift(items, check, skip_unusable=True)
    assert used == [items[0], items[2] | {"seen": True}]
    assert skipped == [{"id": "b", "split": "test", "reason": "image b must be good, got bad; mend it"}]
    with pytest.raises(ValueError, match="image b must be good, got bad; mend it; --skip-unusable leaves out what"):
        sift(items, check, skip_unusable=False)
    with pytest.raises(ValueError, match="image b must be good, got bad; mend it; 2 of 2 samples cannot be used$"):
        sift([items[1], items[1]], check, skip_unusable=True)
