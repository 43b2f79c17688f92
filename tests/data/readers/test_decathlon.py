"""Lists of others: Decathlon JSON and nnU-Net's raw folders, recognised by what lies there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.data.readers.datalists import load_datalists


def write(folder: Path, content: dict[str, Any], *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    path = folder / "dataset.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_paths_are_of_the_lists_folder_and_ids_the_paths_from_there(tmp_path: Path) -> None:
    item = {"image": "./imagesTr/a.nii.gz", "label": "labelsTr/a.nii.gz", "fold": 2}
    content = {"name": "Organ", "labels": {"0": "background"}, "numTraining": 1, "training": [item]}
    content |= {"val": [{"img": ["v_t1.nii", "v_t2.nii"], "seg": 3}], "test": ["imagesTs/b.nii.gz"]}
    files = ("imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "v_t1.nii", "v_t2.nii", "imagesTs/b.nii.gz")
    path = write(tmp_path, content, *files)
    lists = load_datalists(path)
    a, b = str(tmp_path / "imagesTr" / "a.nii.gz"), str(tmp_path / "imagesTs" / "b.nii.gz")
    label = str(tmp_path / "labelsTr" / "a.nii.gz")
    assert lists["training"] == [{"id": "imagesTr/a.nii.gz", "image": a, "label": label, "fold": 2}]
    assert lists["validation"] == [{"id": "v_t1.nii", "image": [str(tmp_path / f) for f in files[2:4]], "label": 3}]
    assert lists["test"] == [{"id": "imagesTs/b.nii.gz", "image": b}] and lists["unlabelled"] == []
    assert load_datalists(tmp_path) == lists


def test_files_outside_of_the_folder_keep_their_paths(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.png").touch()
    inside = tmp_path / "lists"
    inside.mkdir()
    path = write(inside, {"test": ["../elsewhere.png"]})
    assert load_datalists(path)["test"][0]["id"] == str(tmp_path / "elsewhere.png")


def test_raw_folders_of_nnunet(tmp_path: Path) -> None:
    names = ("imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b_0000.nii.gz")
    write(tmp_path, {"labels": {"background": 0}, "file_ending": ".nii.gz"}, *names)
    lists = load_datalists(tmp_path)
    label = str(tmp_path / "labelsTr" / "a.nii.gz")
    channels = [str(tmp_path / name) for name in names[:2]]
    assert lists["training"] == [{"id": "a", "image": channels, "label": label}]
    assert lists["test"] == [{"id": "b", "image": str(tmp_path / "imagesTs" / "b_0000.nii.gz")}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"training": [{"label": "a.png"}]}, r"image of number 1 in training of .* must be a path or .*, got None"),
        ({"training": [{"image": 3}]}, r"image of number 1 in training of .* must be a path or a list of them, got 3"),
        ({"training": [{"image": "a.png", "label": {}}]}, r"label of number 1 in training of .* must be a path"),
        ({"training": [{"image": "a.png"}, {"image": "./a.png"}]}, "id must be unique over all splits"),
        ({"training": ["a.png"], "test": "b.png"}, "test of .* must be a list of images, got str"),
        ({"training": ["gone.png"]}, "every image must have its image in .*, got 1 of 1 without: gone.png"),
    ],
)
def test_what_is_no_list(content: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = write(tmp_path, content, "a.png")
    with pytest.raises(ValueError, match=sentence):
        load_datalists(path)


def test_a_list_with_some_ids_or_paths_from_its_folder_is_one_of_others(tmp_path: Path) -> None:
    path = write(tmp_path, {"validation": [{"id": 7, "image": "a.png"}, "b.png"]}, "a.png", "b.png")
    assert [item["id"] for item in load_datalists(path)["validation"]] == ["7", "b.png"]
    item = {"id": "x/../y", "image": "a.png"}
    path = write(tmp_path, {"training": [item], "validation": [], "test": []})
    assert load_datalists(path)["training"] == [{"id": "x/../y", "image": str(tmp_path / "a.png")}]
    assert load_datalists(write(tmp_path, {"validation": []}))["validation"] == []


def test_labels_that_name_no_file_stay_where_that_is_asked_for(tmp_path: Path) -> None:
    items = [{"image": "a.png", "label": "melanoma"}, {"image": "b.png", "label": "b.png"}]
    path = write(tmp_path, {"test": items}, "a.png", "b.png")
    labels = [item.get("label") for item in load_datalists(path, on_missing="name")["test"]]
    assert labels == ["melanoma", str(tmp_path / "b.png")]
    assert "label" not in load_datalists(path, on_missing="keep")["test"][0]
    table = tmp_path / "data.csv"
    table.write_text("id,image,label,split\n1,a.png,melanoma,test\n2,b.png,b.png,test\n", encoding="utf-8")
    assert [item["label"] for item in load_datalists(table, on_missing="name")["test"]] == labels
