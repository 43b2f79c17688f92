"""Reading images without mask through the transforms of those that have one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from htl_monai.data.images.unlabelled import image_only, unlabelled_images
from htl_monai.models.bundles import find_bundle


@pytest.fixture
def transforms() -> list:
    """The bundle's own, at 16 × 24."""
    parser = ConfigParser.load_config_file(str(find_bundle("lesion_localization") / "configs" / "train.json"))
    config = ConfigParser(parser)
    config["spatial_size"] = [16, 24]
    return config.get_parsed_content("train#preprocessing#transforms")


@pytest.fixture
def item(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "image.png")
    Image.fromarray(rng.integers(0, 2, (40, 60), dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    return {"id": "a", "image": str(tmp_path / "image.png"), "label": str(tmp_path / "mask.png")}


def test_an_image_looks_the_same_with_and_without_mask(transforms: list, item: dict[str, str]) -> None:
    without = {key: item[key] for key in ("id", "image")}
    alone = image_only(transforms)(without)
    data = dict(item)
    for transform in transforms:
        data = transform(data)
    assert set(alone) == {"id", "image"} and alone["image"].shape == (3, 16, 24)
    assert torch.equal(alone["image"], data["image"])


def test_a_training_still_stops_at_a_missing_mask(transforms: list, item: dict[str, str]) -> None:
    image_only(transforms)  # works on copies
    with pytest.raises(KeyError, match="label"):
        for transform in transforms:
            item = transform({key: value for key, value in item.items() if key != "label"})


def test_lists_without_such_images_are_refused() -> None:
    assert unlabelled_images({"training": [{"id": "a"}], "unlabelled": [{"id": "b"}]}) == [{"id": "b"}]
    for datalists in ({"training": [{"id": "a"}], "unlabelled": []}, {"training": [{"id": "a"}]}):
        with pytest.raises(ValueError, match="must hold images in the list unlabelled, got none; add images"):
            unlabelled_images(datalists)


def test_a_mask_of_an_unlabelled_image_is_not_read(item: dict[str, str]) -> None:
    assert unlabelled_images({"unlabelled": [item]}) == [{"id": "a", "image": item["image"]}]
