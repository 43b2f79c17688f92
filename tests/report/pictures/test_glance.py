"""A glance at a case gives its thumbnail and what is measured of it, whatever its size and format."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from htl_monai.report.pictures.glance import glance


def test_a_volume_shows_its_middle_from_above_and_is_measured_whole(tmp_path: Path) -> None:
    array, label = np.zeros((40, 20, 9), dtype=np.float32), np.zeros((40, 20, 9), dtype=np.uint8)
    array[:10, :, 4] = 100
    array[0, 0, 0] = np.nan
    label[:20, :, :] = 2
    affine = np.diag([1, -1, 3, 1])
    nib.save(nib.Nifti1Image(array[::-1], affine), tmp_path / "a.nii.gz")
    nib.save(nib.Nifti1Image(label, affine), tmp_path / "label.nii.gz")
    files = [str(tmp_path / "a.nii.gz"), "other.nii.gz"]
    found = glance({"id": "a", "image": files, "label": str(tmp_path / "label.nii.gz")})
    levels = np.asarray(found.picture)
    assert levels.shape == (20, 40, 3) and levels[:, :8].min() == 255 and levels[:, 12:].max() == 0
    assert found.properties["label_size"] == 0.5 and found.properties["label_volume_mm3"] == 40 * 20 * 9 * 3 / 2
    assert found.properties["anisotropy"] == 3 and found.properties["brightness"] > 1


def test_a_large_picture_is_measured_small_and_its_lengths_stay(tmp_path: Path) -> None:
    pixels, label = np.zeros((700, 1400), dtype=np.uint8), np.zeros((700, 1400), dtype=np.uint8)
    pixels[:, 700:], label[:350] = 200, 255
    for name, values in (("a", pixels), ("label", label)):
        image = nib.Nifti1Image(values.T, np.diag([0.5, 0.25, 1, 1]))
        nib.save(image, tmp_path / f"{name}.nii")
    found = glance({"id": "a", "image": str(tmp_path / "a.nii"), "label": str(tmp_path / "label.nii")})
    assert found.picture.size == (64, 32)
    assert found.properties["label_size"] == 0.5 and found.properties["spacing_mm"] == pytest.approx(0.5**1.5)
    assert found.properties["label_area_mm2"] == pytest.approx(350 * 1400 * 0.125, rel=0.02)


@pytest.mark.parametrize("foreground", [1, 255])
def test_masks_are_numbers_of_classes_or_black_and_white(foreground: int, tmp_path: Path) -> None:
    mask = np.zeros((20, 40), dtype=np.uint8)
    mask[5:15, 10:30] = foreground
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg")
    item = {"id": "a", "image": str(tmp_path / "a.jpg"), "label": str(tmp_path / "mask.png")}
    assert glance(item).properties["label_size"] == 0.25
    Image.new("L", (20, 20), 255).save(tmp_path / "mask.png")
    assert np.isnan(glance(item).properties["label_size"])
    assert np.isnan(glance({**item, "label": 1}).properties["label_size"])
