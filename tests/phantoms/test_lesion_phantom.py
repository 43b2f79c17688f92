"""The phantom: seeded, of any size and count, hard where it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.lesion_drawing import GROUPS, draw_phantom
from htl_monai.phantoms.lesion_phantom import planted_group, write_phantom


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out_dir = tmp_path_factory.mktemp("phantom")
    return write_phantom(out_dir, {"training": 80, "test": 10}, size=(48, 64), seed=3, hard_fraction=0.4)


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(pattern))}


def test_counts_sizes_and_values(phantom: Path) -> None:
    datalists = load_datalists(phantom)
    assert {split: len(items) for split, items in datalists.items()} == {
        "training": 80, "validation": 0, "test": 10, "unlabelled": 0,
    }  # fmt: skip
    for item in datalists["training"] + datalists["test"]:
        with Image.open(item["image"]) as image, Image.open(item["label"]) as mask:
            assert (image.mode, image.format, image.size) == ("RGB", "JPEG", (64, 48))
            values = np.asarray(mask)
        assert values.shape == (48, 64) and set(np.unique(values)) == {0, 255}
        assert item["lesion_fraction"] == pytest.approx((values > 0).mean(), abs=1e-5)


def test_planted_groups(phantom: Path) -> None:
    table = pd.DataFrame(load_datalists(phantom)["training"])
    assert table["hard_group"].value_counts().to_dict() == {
        "none": 48, "small": 8, "low_contrast": 8, "hair": 8, "rare_colour": 8,
    }  # fmt: skip
    assert ((table["hard_group"] != "none") == (table["hard"] == 1)).all()
    by_group = table.groupby("hard_group")
    lesion, contrast = by_group["lesion_fraction"], by_group["contrast"]
    assert lesion.max()["small"] < lesion.min()["none"]
    assert contrast.max()["low_contrast"] < contrast.min()["none"]
    rare = table[table["hard_group"] == "rare_colour"].dropna(subset=["age", "sex"])
    others = table[table["hard_group"] != "rare_colour"].dropna(subset=["age", "sex"])
    older_women = [((part["sex"] == "female") & (part["age"] > 50)).mean() for part in (rare, others)]
    assert older_women[0] > 0.7 and older_women[1] < 0.4


def test_some_metadata_is_unknown(phantom: Path) -> None:
    table = pd.DataFrame(load_datalists(phantom)["training"])
    assert 0.8 < table["age"].notna().mean() < 1 and 0.8 < table["sex"].notna().mean() < 1
    assert set(table["sex"].dropna()) == {"male", "female"} and table["age"].dropna().between(15, 85).all()


def test_unlabelled_images_have_no_mask_and_change_no_other(phantom: Path, tmp_path: Path) -> None:
    counts = {"training": 2, "unlabelled": 10}
    more = write_phantom(tmp_path, counts, size=(48, 64), seed=3, hard_fraction=0.4)
    unlabelled = load_datalists(more)["unlabelled"]
    assert len(unlabelled) == 10 and not any("label" in item for item in unlabelled)
    assert {item["hard_group"] for item in unlabelled} == set(GROUPS)
    assert all(item["diagnosis"] and item["lesion_fraction"] > 0 for item in unlabelled)
    masks, images = contents(more, "masks/*.png"), contents(more, "images/*.jpg")
    assert list(masks) == ["training_00000.png", "training_00001.png"] and len(images) == 12
    assert {name: images[name] for name in images if "training" in name}.items() <= (
        contents(phantom, "images/*.jpg").items()
    )
    write_phantom(tmp_path, {"training": 2}, size=(48, 64), seed=3, hard_fraction=0.4)
    assert len(contents(more, "images/*.jpg")) == 2


def test_the_pictures_stay_what_they_are(tmp_path: Path) -> None:
    write_phantom(tmp_path, {"training": 4}, size=(32, 48), hard_fraction=0.5)
    means = [np.asarray(Image.open(path)).mean() for path in sorted((tmp_path / "images").iterdir())]
    # Published results were measured on these very pictures.
    assert means == pytest.approx([179.84, 143.64, 163.29, 174.66], abs=0.2)


def lesion_grey(item: dict[str, Any]) -> float:
    image, mask = (np.asarray(Image.open(item[key])) for key in ("image", "label"))
    return float(image[mask > 0].mean())


def test_the_diagnosis_can_be_seen(phantom: Path) -> None:
    items = [item for items in load_datalists(phantom).values() for item in items]
    seen = [
        "melanoma" if item["hard_group"] == "rare_colour" or lesion_grey(item) < 82
        else "seborrheic_keratosis" if lesion_grey(item) > 98
        else "nevus"
        for item in items
    ]  # fmt: skip
    agree = np.mean([name == item["diagnosis"] for name, item in zip(seen, items, strict=True)])
    assert 0.82 < agree < 0.97


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("hard_fraction", [0.0, 0.15])
def test_every_diagnosis_is_in_every_list_of_forty(tmp_path: Path, seed: int, hard_fraction: float) -> None:
    counts = {"training": 40, "validation": 40, "test": 40, "unlabelled": 40}
    datalists = load_datalists(write_phantom(tmp_path, counts, (32, 40), seed, hard_fraction))
    for items in datalists.values():
        assert {item["diagnosis"] for item in items} == {"nevus", "melanoma", "seborrheic_keratosis"}


def test_a_larger_phantom_begins_with_the_smaller(phantom: Path, tmp_path: Path) -> None:
    small = write_phantom(tmp_path, {"training": 20}, size=(48, 64), seed=3, hard_fraction=0.4)
    for pattern in ("images/*.jpg", "masks/*.png"):
        few, many = contents(small, pattern), contents(phantom, pattern)
        assert len(few) == 20 and few.items() <= many.items()
    assert load_datalists(phantom)["training"][7]["age"] == load_datalists(small)["training"][7]["age"]


def test_another_seed_draws_other_images(phantom: Path, tmp_path: Path) -> None:
    other = write_phantom(tmp_path, {"training": 3}, size=(48, 64), seed=4, hard_fraction=0.4)
    images = contents(phantom, "images/*.jpg")
    assert all(images[name] != content for name, content in contents(other, "images/*.jpg").items())
    assert len(set(images.values())) == 90


def test_finished_folder_is_left_and_unfinished_one_is_drawn_again(tmp_path: Path) -> None:
    draw = {"out_dir": tmp_path, "counts": {"training": 2}, "size": (32, 32)}
    image = write_phantom(**draw) / "images" / "training_00001.jpg"
    first = image.read_bytes()
    image.write_bytes(b"mark")
    write_phantom(**draw)
    assert image.read_bytes() == b"mark"
    (tmp_path / "data.csv").unlink()
    write_phantom(**draw)
    assert image.read_bytes() == first
    write_phantom(**draw, seed=1)
    assert image.read_bytes() != first


def test_fewer_images_than_before_leave_no_strays(tmp_path: Path) -> None:
    write_phantom(tmp_path, {"training": 3}, size=(32, 32))
    write_phantom(tmp_path, {"training": 2}, size=(32, 32))
    assert len(contents(tmp_path, "images/*")) == len(contents(tmp_path, "masks/*")) == 2


@settings(max_examples=25, deadline=None)
@given(
    group=st.sampled_from(GROUPS),
    size=st.tuples(st.integers(32, 80), st.integers(32, 80)),
    seed=st.integers(0, 2**32),
    vignette=st.booleans(),
)
def test_every_drawing_has_lesion_and_skin(group: str, size: tuple[int, int], seed: int, vignette: bool) -> None:
    image, mask = draw_phantom(group, size, np.random.default_rng(seed), vignette)
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    assert mask.shape == size and mask.dtype == bool and 0 < mask.mean() < 0.9


def test_the_same_picture_at_another_size() -> None:
    small, large = (draw_phantom("none", size, np.random.default_rng(5))[1] for size in ((48, 64), (192, 256)))
    coarse = np.asarray(Image.fromarray(large).resize((64, 48)))
    assert (coarse & small).sum() / (coarse | small).sum() > 0.9


@given(fraction=st.floats(0, 1), count=st.integers(0, 300))
def test_share_of_hard_images(fraction: float, count: int) -> None:
    hard = sum(planted_group(number, fraction) != "none" for number in range(count))
    assert count * fraction - 1 < hard <= count * fraction + 1e-6


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="counts must name the splits training, validation, test, unlabelled, got train;"
    ):
        write_phantom(tmp_path, {"train": 1})
    with pytest.raises(ValueError, match="counts must be whole numbers from 0, got -1 for test"):
        write_phantom(tmp_path, {"test": -1})
    with pytest.raises(ValueError, match="counts must be of at least one image, got none"):
        write_phantom(tmp_path / "none", {"training": 0, "test": 0})
    with pytest.raises(ValueError, match="seed must be a whole number from 0, got -1"):
        write_phantom(tmp_path / "none", {"training": 1}, seed=-1)
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match=r"hard_fraction must be in \[0, 1\], got 1.5"):
        write_phantom(tmp_path, hard_fraction=1.5)
    with pytest.raises(ValueError, match=r"size must be .* at least 32 pixels a side, got \(16, 64\)"):
        write_phantom(tmp_path, size=(16, 64))
    with pytest.raises(ValueError, match="group must be one of none, small, .*, got 'ugly'"):
        draw_phantom("ugly", (32, 32), np.random.default_rng(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["data.csv", "images"])
def test_other_data_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "own").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="out_dir must be no other data set, got .*; choose a new folder"):
        write_phantom(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / name] and (tmp_path / name / "own").is_dir()
