"""How many pixels are lesion, and the class weights that follow."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from htl_monai.data.preparation.pixel_frequency import class_weights, foreground_frequency
from htl_monai.data.readers.datalists import load_datalists


def write_mask(path: Path, foreground: int, value: int = 255, size: tuple[int, int] = (10, 10)) -> dict[str, str]:
    mask = np.zeros(size, dtype=np.uint8)
    mask.flat[:foreground] = value
    Image.fromarray(mask).save(path)
    return {"label": str(path)}


def test_each_image_counts_the_same(tmp_path: Path) -> None:
    data = [write_mask(tmp_path / "a.png", 10), write_mask(tmp_path / "b.png", 120, size=(20, 20))]
    assert foreground_frequency(data) == pytest.approx((0.1 + 0.3) / 2)
    assert class_weights(data).tolist() == pytest.approx([0.5 / 0.8, 0.5 / 0.2])


@pytest.mark.parametrize(("value", "frequency"), [(128, 0.25), (127, 0.0)])
def test_a_mask_is_cut_where_the_transforms_cut_it(tmp_path: Path, value: int, frequency: float) -> None:
    assert foreground_frequency([write_mask(tmp_path / "a.png", 25, value=value)]) == frequency


def test_both_classes_weigh_the_same_in_sum(tmp_path: Path) -> None:
    data = [write_mask(tmp_path / "a.png", 17)]
    background, foreground = class_weights(data).tolist()
    assert 83 * background == pytest.approx(17 * foreground, rel=1e-6)


def test_lists_without_both_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="data must hold at least one image, got an empty list"):
        foreground_frequency([])
    with pytest.raises(ValueError, match="masks must hold both classes, got 0% foreground"):
        class_weights([write_mask(tmp_path / "a.png", 0)])
    with pytest.raises(ValueError, match="masks must hold both classes, got 100% foreground"):
        class_weights([write_mask(tmp_path / "b.png", 100)])


@pytest.mark.skipif("HTL_DATA" not in os.environ, reason="HTL_DATA, the folder of the real data sets, is not set")
def test_isic_2017_gives_the_weights_of_the_notes() -> None:
    """A tenth of the 2000 training masks; all of them give 0.62 and 2.58."""
    data = load_datalists(Path(os.environ["HTL_DATA"]) / "isic2017")["training"][::10]
    assert class_weights(data).tolist() == pytest.approx([0.62, 2.58], rel=0.1)
