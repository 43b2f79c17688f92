"""From bytes to the network's input: scaled, augmented, normalised, repeated."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.transforms import Compose, NormalizeIntensity, RepeatChannel, ScaleIntensityRange

from htl_monai.engines.batch_augmentation import BatchAugmentation
from htl_monai.engines.picture_batch import IMAGENET_MEAN, IMAGENET_STD, PictureBatch


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (3, 1, 6, 8), generator=generator, dtype=torch.uint8)
    return {"image": pictures, "label": torch.tensor([[1.0, 0.0], [float("nan"), 1.0], [0.0, 0.0]])}


def test_it_is_monais_scaling_repetition_and_normalisation(batch: dict[str, torch.Tensor]) -> None:
    image, label = PictureBatch()(batch)
    expected = Compose(
        [
            ScaleIntensityRange(0, 255, 0, 1),
            RepeatChannel(3),
            NormalizeIntensity(np.array(IMAGENET_MEAN), np.array(IMAGENET_STD), channel_wise=True),
        ]
    )
    assert image.shape == (3, 3, 6, 8) and image.dtype == torch.float32
    for found, picture in zip(image, batch["image"], strict=True):
        torch.testing.assert_close(found, torch.as_tensor(expected(picture.float())), atol=1e-6, rtol=0)
    torch.testing.assert_close(label, batch["label"], equal_nan=True)


def test_augmentation_comes_before_normalisation(batch: dict[str, torch.Tensor]) -> None:
    plain, _ = PictureBatch([0.5], [0.25])(batch)
    mirrored, label = PictureBatch([0.5], [0.25], BatchAugmentation(1.0, 0.0, 0.0))(batch)
    torch.testing.assert_close(mirrored, plain.flip(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(label, batch["label"], equal_nan=True)


def test_images_without_label(batch: dict[str, torch.Tensor]) -> None:
    image, label = PictureBatch([0.5], [0.25], BatchAugmentation(1.0, 0.0, 0.0))({"image": batch["image"]})
    assert label is None and image.shape == (3, 1, 6, 8)


@pytest.mark.parametrize(("mean", "std"), [([0.5], [0.2, 0.2]), ([], []), ([0.5], [0.0])])
def test_numbers_that_are_no_normalisation_are_refused(mean: list[float], std: list[float]) -> None:
    with pytest.raises(ValueError, match="mean and std must have one number a channel, std above 0, got"):
        PictureBatch(mean, std)


@pytest.mark.parametrize("picture", [torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 4, 4, dtype=torch.uint8)])
def test_what_is_not_from_the_cache_is_refused(picture: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"image must be uint8 \(N, 1, H, W\), got torch"):
        PictureBatch()({"image": picture})
