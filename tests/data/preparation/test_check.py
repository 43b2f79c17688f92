"""Each thing that can be wrong with a data set is planted once and must be found."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from htl_monai.data.preparation.check import Problem, check_data
from htl_monai.data.preparation.examine import find_unusable
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.lesion_phantom import write_phantom


@pytest.fixture
def datalists(tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    return load_datalists(write_phantom(tmp_path / "data", {"training": 8, "test": 4}, size=(32, 40)))


def save(path: str, values: np.ndarray) -> None:
    Image.fromarray(values).save(path)


def kinds(problems: list[Problem]) -> list[tuple[str, str, str]]:
    return sorted((problem.kind, problem.split, problem.id) for problem in problems)


def test_sound_data(datalists: dict[str, list[dict[str, Any]]]) -> None:
    report = check_data(datalists)
    assert report.ok and report.problems == [] and report.table().empty
    assert report.counts["images"].to_dict() == {"training": 8, "validation": 0, "test": 4, "unlabelled": 0}
    assert report.counts["with_mask"].to_dict() == {"training": 8, "validation": 0, "test": 4, "unlabelled": 0}


def test_coverage_is_the_share_known(datalists: dict[str, list[dict[str, Any]]]) -> None:
    for number, item in enumerate(datalists["training"]):
        item["age"] = None if number < 2 else 50.0
        item["sex"] = float("nan")
    coverage = check_data(datalists, decode=False).coverage
    assert coverage.loc["age", "training"] == 0.75
    assert coverage.loc["sex", "training"] == 0
    assert coverage.loc["diagnosis", "test"] == 1
    assert coverage["validation"].isna().all()
    assert not {"id", "image", "label"} & set(coverage.index)


def test_each_planted_problem_is_found_once(datalists: dict[str, list[dict[str, Any]]]) -> None:
    training, test = datalists["training"], datalists["test"]
    ids = [item["id"] for item in training]
    content = Path(training[0]["image"]).read_bytes()
    Path(training[0]["image"]).write_bytes(content[: len(content) // 2])
    Path(training[1]["label"]).write_bytes(b"no image")
    save(training[2]["label"], np.zeros((32, 40), np.uint8))
    save(training[3]["label"], np.full((32, 40), 255, np.uint8))
    save(training[4]["label"], np.array([[0, 255]] * 8, np.uint8))
    save(training[5]["label"], np.arange(32 * 40, dtype=np.uint32).reshape(32, 40).astype(np.uint8))
    save(training[6]["image"], np.full((32, 40), 9, np.uint8))
    Path(training[7]["image"]).unlink()
    shutil.copy(test[0]["image"], test[1]["image"])
    Path(training[6]["label"]).rename(Path(training[6]["label"]).with_name("stray.png"))
    del training[6]["label"]
    datalists["validation"] = [dict(test[2])]
    test[3]["id"] = ids[1]
    report = check_data(datalists)
    assert kinds(report.problems) == sorted(
        [
            ("unreadable_image", "training", ids[0]),
            ("unreadable_mask", "training", ids[1]),
            ("empty_mask", "training", ids[2]),
            ("full_mask", "training", ids[3]),
            ("size_mismatch", "training", ids[4]),
            ("mask_not_binary", "training", ids[5]),
            ("image_not_rgb", "training", ids[6]),
            ("image_without_mask", "training", ids[6]),
            ("mask_without_image", "test", "stray.png"),
            ("missing_image", "training", ids[7]),
            ("duplicate_id", "test", test[2]["id"]),
            ("duplicate_id", "test", ids[1]),
            ("same_image_within_split", "test", test[1]["id"]),
            ("same_image_across_splits", "test", test[2]["id"]),
        ]
    )
    assert not report.ok
    details = {problem.kind: problem.detail for problem in report.problems}
    assert "truncated" in details["unreadable_image"]
    assert details["size_mismatch"].endswith("is 8×2, the image 32×40 (height×width)")
    assert details["same_image_within_split"] == f"same file content as {test[0]['id']} in test"


def test_table_puts_fatal_kinds_first_and_counts_them(datalists: dict[str, list[dict[str, Any]]]) -> None:
    for item in datalists["test"][:2]:
        save(item["label"], np.zeros((32, 40), np.uint8))
    save(datalists["training"][0]["label"], np.full((32, 40), 255, np.uint8))
    table = check_data(datalists).table()
    expected = {
        "kind": ["empty_mask", "full_mask"],
        "fatal": [True, False],
        "training": [0, 1],
        "validation": [0, 0],
        "test": [2, 0],
        "unlabelled": [0, 0],
        "ids": ["test_00000, test_00001", "training_00000"],
    }
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_images_of_another_mode_are_a_note(
    datalists: dict[str, list[dict[str, Any]]], mode: str, tmp_path: Path
) -> None:
    item = datalists["training"][0]
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    with Image.open(item["image"]) as image:
        image.convert(mode).save(path)
    item["image"] = str(path)
    report = check_data(datalists)
    assert kinds(report.problems) == [("image_not_rgb", "training", item["id"])] and report.ok
    assert find_unusable(datalists["training"]) == {}


def test_damaged_checksum_of_a_mask(datalists: dict[str, list[dict[str, Any]]]) -> None:
    path = Path(datalists["training"][0]["label"])
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 0xFF
    path.write_bytes(bytes(content))
    assert kinds(check_data(datalists).problems) == [("unreadable_mask", "training", "training_00000")]


def test_without_decoding_no_file_is_opened(datalists: dict[str, list[dict[str, Any]]]) -> None:
    for item in datalists["training"]:
        Path(item["image"]).write_bytes(b"no image")
    assert check_data(datalists, decode=False).ok
    assert not check_data(datalists).ok


def test_masks_may_be_absent_on_purpose(datalists: dict[str, list[dict[str, Any]]]) -> None:
    for item in datalists["training"]:
        del item["label"]
    assert len(check_data(datalists, decode=False).problems) == 8 + 8  # no mask; a mask file that nothing refers to
    kept = check_data(datalists, decode=False, require_masks=False)
    assert kept.ok and {problem.kind for problem in kept.problems} == {"mask_without_image"}


def test_unlabelled_images_need_no_mask_and_copies_of_test_images_are_noted(
    datalists: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    Image.open(datalists["test"][1]["image"]).resize((60, 48)).save(copy)
    datalists["unlabelled"] = [{"id": "copy", "image": str(copy), "age": None}]
    report = check_data(datalists)
    assert kinds(report.problems) == [("near_duplicate_of_test", "unlabelled", "copy")] and report.ok
    assert report.problems[0].detail.startswith("same picture as test_00001 in test but for ")
    assert report.counts.loc["unlabelled"].tolist() == [1, 0]
    assert check_data(datalists, decode=False).problems == []
    copy.write_bytes(b"no image")
    assert kinds(check_data(datalists).problems) == [("unreadable_image", "unlabelled", "copy")]


def test_find_unusable_names_id_and_reason(datalists: dict[str, list[dict[str, Any]]]) -> None:
    training = datalists["training"]
    assert find_unusable(training) == {} and find_unusable([]) == {}
    save(training[1]["label"], np.zeros((32, 40), np.uint8))
    save(training[3]["label"], np.zeros((5, 5), np.uint8))
    Path(training[4]["image"]).write_bytes(b"")
    save(training[5]["label"], np.full((32, 40), 255, np.uint8))  # odd, but usable
    unusable = find_unusable(training)
    assert list(unusable) == ["training_00001", "training_00003", "training_00004"]
    assert unusable["training_00001"].startswith("empty mask: ") and "size mismatch" not in unusable["training_00001"]
    assert "size mismatch: " in unusable["training_00003"] and "empty mask: " in unusable["training_00003"]
    assert unusable["training_00004"].startswith("unreadable image: ")


def test_dicom_and_label_vectors_are_no_problem(tmp_path: Path) -> None:
    path = Path(shutil.copy(get_testdata_file("CT_small.dcm"), tmp_path / "a.dcm"))
    items = [{"id": "a", "image": str(path), "label": [1.0, None]}]
    report = check_data({"training": items})
    assert report.ok and report.problems == [] and report.counts.loc["training"].tolist() == [1, 0]
    path.write_bytes(path.read_bytes()[:2000])
    (problem,) = check_data({"training": items}).problems
    assert problem.kind == "unreadable_image" and "a.dcm" in problem.detail


@pytest.mark.slow
@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real ISIC-2017 under the folder HTL_DATA")
def test_real_data_is_usable_and_leaks_four_images() -> None:
    report = check_data(load_datalists(Path(os.environ["HTL_DATA"]) / "isic2017"))
    assert report.ok and report.counts["with_mask"].tolist() == [2000, 150, 600, 0]
    assert {problem.kind for problem in report.problems} == {"same_image_across_splits", "same_image_within_split"}
    leaked = [problem.id for problem in report.problems if problem.kind == "same_image_across_splits"]
    assert leaked == ["ISIC_0012127", "ISIC_0015982", "ISIC_0016002", "ISIC_0016018"]
    assert report.coverage.loc["sex"].round(4).dropna().tolist() == [0.8855, 0.9933, 0.9467]
