"""Tests of the properties of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from htl_monai.analysis.picture_properties import picture_properties


def spot(shape: tuple[int, ...], radius: float, inside: float = 0.8, outside: float = 0.3) -> tuple[np.ndarray, ...]:
    """Return a picture of a ball, ``(1, *shape)``, and its label."""
    centre = [(side - 1) / 2 for side in shape]
    axes = np.ogrid[tuple(slice(0, side) for side in shape)]
    label = sum((axis - middle) ** 2 for axis, middle in zip(axes, centre, strict=True)) <= radius**2
    return np.where(label, inside, outside)[None], label[None]


@pytest.mark.parametrize("shape", [(64, 80), (24, 32, 20)])
def test_values_of_a_drawn_spot(shape: tuple[int, ...]) -> None:
    image, label = spot(shape, 8.0)
    spacing = (0.5, 1.0, 2.0)[: len(shape)]
    found = picture_properties(image, label, spacing)
    assert found["label_size"] == pytest.approx(label.mean())
    assert found["label_contrast"] == pytest.approx(0.5, abs=1e-6)
    assert found["brightness"] == pytest.approx(image.mean(), abs=1e-6)
    assert found["contrast"] == pytest.approx(image.std(), abs=1e-6)
    name = "label_area_mm2" if len(shape) == 2 else "label_volume_mm3"
    assert found[name] == pytest.approx(label.sum() * np.prod(spacing))
    assert found["spacing_mm"] == pytest.approx(np.prod(spacing) ** (1 / len(shape)))
    assert found["anisotropy"] == spacing[-1] / spacing[0]


def test_whole_numbers_of_any_width_are_shares_of_their_range() -> None:
    image, label = spot((40, 40), 6.0)
    expected = picture_properties(image, label)
    for kind in (np.uint8, np.uint16):
        found = picture_properties(np.rint(image * np.iinfo(kind).max).astype(kind), label)
        assert found == pytest.approx(expected, abs=5e-3, nan_ok=True)


def test_blur_grows_with_blurring_and_not_with_the_scale_of_the_values() -> None:
    sharp = np.random.default_rng(0).random((1, 90, 90, 5))
    blurs = [picture_properties(ndimage.gaussian_filter(sharp, (0, s, s, 0)))["blur"] for s in (0, 1, 2, 4)]
    assert blurs == sorted(blurs) and blurs[-1] > 10 * blurs[0]
    assert picture_properties(1000 * sharp - 700)["blur"] == pytest.approx(blurs[0], rel=1e-3)
    plane = sharp[0, :, :, 0]
    interior = ndimage.laplace(plane)[1:-1, 1:-1].std()
    assert picture_properties(plane[None])["blur"] == pytest.approx(plane.std() / interior, rel=1e-5)


def test_the_contrast_is_to_the_surroundings_and_not_to_the_rest_of_the_picture() -> None:
    image, label = spot((100, 100), 8.0)
    image[0, :20] = 5.0
    assert picture_properties(image, label)["label_contrast"] == pytest.approx(0.5, abs=1e-6)


def test_what_is_not_there_is_not_measured() -> None:
    image, label = spot((32, 32), 5.0)
    of_label = ["label_size", "label_contrast", "label_area_mm2"]
    assert all(np.isnan(picture_properties(image)[name]) for name in [*of_label, "spacing_mm", "anisotropy"])
    empty = picture_properties(image, np.zeros_like(label), (1, 1))
    assert [empty[name] for name in of_label] == pytest.approx([0, np.nan, 0], nan_ok=True)
    assert np.isnan(picture_properties(image, np.ones_like(label))["label_contrast"])
    assert np.isnan(picture_properties(np.full((1, 9, 9), 7, np.uint8))["blur"])
    assert np.isnan(picture_properties(np.ones((1, 1, 1)))["blur"])
    image[0, 0, 0] = np.nan
    assert picture_properties(image)["brightness"] == pytest.approx(np.nanmean(image)) and np.isnan(
        picture_properties(image)["blur"]
    )


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^image must have the shape \(C, H, W\) or .*, got \(8, 8\); add the chan"):
        picture_properties(np.zeros((8, 8)))
    with pytest.raises(ValueError, match=r"^label must have the image's size \(8, 8\), got \(1, 9, 8\); give it a ch"):
        picture_properties(np.zeros((1, 8, 8)), np.zeros((1, 9, 8)))
    with pytest.raises(ValueError, match=r"^spacing must be 2 numbers above 0, got \[1, 0\]; None where it is unknown"):
        picture_properties(np.zeros((1, 8, 8)), spacing=(1, 0))
