"""Augmenting a batch: exact for flips and quarter turns, the same for image and mask, drawn from torch's generator."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from htl_monai.engines.batch_augmentation import BatchAugmentation, random_affines, resampled


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 3, 12, 16, generator=torch.Generator().manual_seed(0))


def turn(angle: float) -> torch.Tensor:
    return torch.tensor([[[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]])


@pytest.mark.parametrize(("signs", "axes"), [((-1, 1), [3]), ((1, -1), [2]), ((-1, -1), [2, 3]), ((1, 1), [])])
def test_flips_are_exact(images: torch.Tensor, signs: tuple[int, int], axes: list[int]) -> None:
    affines = torch.diag(torch.tensor(signs, dtype=torch.float32)).expand(4, 2, 2)
    flipped = images.flip(axes) if axes else images
    torch.testing.assert_close(resampled(images, affines, "bilinear"), flipped, atol=1e-5, rtol=0)
    assert torch.equal(resampled((images > 0.5).float(), affines, "nearest"), (flipped > 0.5).float())


def test_a_rotation_is_one_in_pixels_not_in_shares_of_the_sides() -> None:
    y, x = np.mgrid[:40, :60]
    blob = np.exp(-(((x - 40) / 8) ** 2 + ((y - 22) / 3) ** 2))
    turned = resampled(torch.tensor(blob, dtype=torch.float32)[None, None], turn(0.7), "bilinear")[0, 0].numpy()
    expected = ndimage.rotate(blob, math.degrees(0.7), reshape=False, order=1, mode="reflect")
    np.testing.assert_allclose(turned[8:32, 12:48], expected[8:32, 12:48], atol=0.02)


def test_a_mask_goes_with_its_image_and_a_class_stays(images: torch.Tensor) -> None:
    torch.manual_seed(1)
    masks = (images[:, :1] > 0.5).float()
    augment = BatchAugmentation(affine_prob=0.0)
    image, label = augment({"image": images, "label": masks})
    assert torch.equal((image[:, :1] > 0.5).float(), label) and not torch.equal(label, masks)
    classes = torch.arange(4)
    assert augment({"image": images, "label": classes})[1] is classes


def test_nothing_changes_where_all_is_off(images: torch.Tensor) -> None:
    image, label = BatchAugmentation(0.0, 0.0, 0.0)({"image": images, "label": images[:, :1]})
    torch.testing.assert_close(image, images, atol=1e-5, rtol=0)
    torch.testing.assert_close(label, images[:, :1], atol=0, rtol=0)


def test_the_draw_is_torchs_seed_alone_and_each_image_has_its_own() -> None:
    torch.manual_seed(3)
    first = random_affines(64, (0.5, 0.5), 0.5, math.pi, 0.1)
    torch.manual_seed(3)
    assert torch.equal(first, random_affines(64, (0.5, 0.5), 0.5, math.pi, 0.1))
    assert len(first.flatten(1).unique(dim=0)) > 20


def test_each_axis_has_its_own_probability() -> None:
    torch.manual_seed(0)
    signs = random_affines(4000, (0.3, 0.0), 0.0, 0.0, 0.0).diagonal(dim1=1, dim2=2)
    assert (signs[:, 0] < 0).float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert (signs[:, 1] > 0).all()


def test_zoom_and_share_of_moved_images_are_as_asked() -> None:
    torch.manual_seed(0)
    affines = random_affines(4000, (0.0, 0.0), 0.5, math.pi, 0.1)
    still = (affines == torch.eye(2)).flatten(1).all(dim=1)
    assert still.float().mean().item() == pytest.approx(0.5, abs=0.03)
    lengths = affines[~still].norm(dim=1)
    assert lengths.min() >= 0.9 - 1e-5 and lengths.max() <= 1.1 + 1e-5
    assert lengths.std().item() == pytest.approx(0.2 / math.sqrt(12), rel=0.1)


@pytest.mark.parametrize(
    "settings", [{"horizontal_flip_prob": 1.5}, {"vertical_flip_prob": -1.0}, {"affine_prob": -0.1}]
)
def test_a_probability_outside_its_bounds_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"_prob must be in \[0, 1\], got"):
        BatchAugmentation(**settings)


@pytest.mark.parametrize("settings", [{"scale_range": 1.0}, {"rotate_range": -1.0}])
def test_a_range_outside_its_bounds_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="scale_range must be in"):
        BatchAugmentation(**settings)
