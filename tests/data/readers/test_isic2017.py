"""The official ISIC-2017 folders, drawn small and, where they are at hand, the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from htl_monai.data.readers.isic import has_isic2017_layout, read_isic2017


def lay_out(root: Path, part: str, ids: list[str], masks: list[str] | None = None) -> None:
    images, labels = root / f"ISIC-2017_{part}_Data", root / f"ISIC-2017_{part}_Part1_GroundTruth"
    images.mkdir(parents=True)
    labels.mkdir()
    for id_ in ids:
        (images / f"{id_}.jpg").write_bytes(b"never opened")
        (images / f"{id_}_superpixels.png").write_bytes(b"")
    for id_ in ids if masks is None else masks:
        (labels / f"{id_}_segmentation.png").write_bytes(b"never opened")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay_out(tmp_path, "Training", ["ISIC_2", "ISIC_1", "ISIC_3"])
    (tmp_path / "ISIC-2017_Training_Data" / "ISIC-2017_Training_Data_metadata.csv").write_text(
        "image_id,age_approximate,sex\nISIC_1,55,female\nISIC_2,unknown,unknown\n"
    )
    (tmp_path / "ISIC-2017_Training_Part3_GroundTruth.csv").write_text(
        "image_id,melanoma,seborrheic_keratosis\nISIC_1,1.0,0.0\nISIC_2,0.0,1.0\nISIC_3,0.0,0.0\n"
    )
    return tmp_path


def test_items_carry_mask_age_sex_and_diagnosis(root: Path) -> None:
    first, second, third = read_isic2017(root)["training"]
    assert first == {
        "id": "ISIC_1",
        "image": str(root / "ISIC-2017_Training_Data" / "ISIC_1.jpg"),
        "label": str(root / "ISIC-2017_Training_Part1_GroundTruth" / "ISIC_1_segmentation.png"),
        "age": 55.0,
        "sex": "female",
        "diagnosis": "melanoma",
    }
    assert (second["age"], second["sex"], second["diagnosis"]) == (None, None, "seborrheic_keratosis")
    assert (third["age"], third["sex"], third["diagnosis"]) == (None, None, "nevus")


def test_missing_splits_are_empty_and_missing_tables_give_none(tmp_path: Path) -> None:
    lay_out(tmp_path, "Training", ["ISIC_1"])
    datalists = read_isic2017(tmp_path)
    assert datalists["validation"] == datalists["test"] == datalists["unlabelled"] == []
    assert all(datalists["training"][0][name] is None for name in ("age", "sex", "diagnosis"))


def test_paths_are_absolute_for_a_relative_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert read_isic2017(root.name) == read_isic2017(root)


def test_image_without_mask_raises_is_skipped_or_kept(tmp_path: Path) -> None:
    lay_out(tmp_path, "Training", ["ISIC_1", "ISIC_2", "ISIC_3"], masks=["ISIC_2"])
    with pytest.raises(ValueError, match=r"got 2 of 3 without: ISIC_1, ISIC_3; add them, or .*on_missing='skip'"):
        read_isic2017(tmp_path)
    with pytest.warns(UserWarning, match="2 of 3 images left out, no mask in .*: ISIC_1, ISIC_3"):
        skipped = read_isic2017(tmp_path, on_missing="skip")
    assert [item["id"] for item in skipped["training"]] == ["ISIC_2"]
    kept = read_isic2017(tmp_path, on_missing="keep")["training"]
    assert [(item["id"], "label" in item) for item in kept] == [("ISIC_1", False), ("ISIC_2", True), ("ISIC_3", False)]


def test_no_training_folder(tmp_path: Path) -> None:
    lay_out(tmp_path, "Test_v2", ["ISIC_1"])
    assert has_isic2017_layout(tmp_path) and not has_isic2017_layout(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="must hold the folder ISIC-2017_Training_Data"):
        read_isic2017(tmp_path)


def test_id_in_two_splits(root: Path) -> None:
    lay_out(root, "Validation", ["ISIC_1"])
    with pytest.raises(ValueError, match="unique over all splits, got 1 repeated: ISIC_1"):
        read_isic2017(root)
    assert len(read_isic2017(root, unique_ids=False)["validation"]) == 1


def test_metadata_that_cannot_be_read(root: Path) -> None:
    path = root / "ISIC-2017_Training_Data" / "ISIC-2017_Training_Data_metadata.csv"
    path.write_text("image_id,age_approximate,sex\nISIC_1,old,female\n")
    with pytest.raises(ValueError, match="age_approximate must be a number or unknown, got 'old' for ISIC_1"):
        read_isic2017(root)
    path.write_text("name,sex\nISIC_1,female\n")
    with pytest.raises(KeyError, match="must have the column image_id"):
        read_isic2017(root)
    path.write_text("image_id,sex\nISIC_1,female\nISIC_1,male\n")
    with pytest.raises(ValueError, match="image_id must be unique .* got repeated ISIC_1"):
        read_isic2017(root)


def test_unknown_word_for_on_missing(root: Path) -> None:
    with pytest.raises(ValueError, match="on_missing must be one of raise, skip, keep, name, got 'ignore'"):
        read_isic2017(root, on_missing="ignore")


@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real ISIC-2017 under the folder HTL_DATA")
def test_real_counts_and_demographics() -> None:
    datalists = read_isic2017(Path(os.environ["HTL_DATA"]) / "isic2017")
    assert {split: len(items) for split, items in datalists.items()} == {
        "training": 2000,
        "validation": 150,
        "test": 600,
        "unlabelled": 0,
    }
    assert all("label" in item for items in datalists.values() for item in items)
    sexes = [item["sex"] for item in datalists["training"] if item["sex"] is not None]
    ages = [item["age"] for item in datalists["training"] if item["age"] is not None]
    groups = [sum(low < age <= high for age in ages) for low, high in ((-1, 30), (30, 50), (50, 200))]
    # The shares that Attend Who is Weak gives for its age groups and sexes.
    assert round(100 * sexes.count("male") / len(sexes), 2) == 50.82
    assert [round(100 * count / len(ages), 2) for count in groups] == [23.80, 30.96, 45.24]
    diagnoses = [item["diagnosis"] for item in datalists["training"]]
    assert (diagnoses.count("melanoma"), diagnoses.count("seborrheic_keratosis")) == (374, 254)
