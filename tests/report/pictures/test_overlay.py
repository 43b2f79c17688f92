"""The overlay changes what it must and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from htl_monai.localization.boxes import Box
from htl_monai.report.pictures import overlay
from htl_monai.report.pictures.overlay import draw_overlay

BLUE, YELLOW = (0, 200, 255), (255, 220, 0)


def drawn_on(picture: np.ndarray, mask: np.ndarray, box: Box | None = None, tint: float = 0.25) -> np.ndarray:
    image = Image.fromarray(picture)
    draw_overlay(image, mask, box, tint)
    return np.asarray(image)


def test_nothing_to_draw_leaves_the_picture(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(drawn_on(picture, np.zeros(picture.shape[:2])), picture)


def test_outline_tint_and_frame() -> None:
    picture = np.full((20, 30, 3), 100, dtype=np.uint8)
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[5:10, 8:14] = 255
    drawn = drawn_on(picture, mask, Box(6, 3, 16, 12), tint=0.5)
    assert tuple(drawn[5, 8]) == BLUE and tuple(drawn[9, 13]) == BLUE
    assert tuple(drawn[7, 10]) == (50, 150, 178)
    assert tuple(drawn[3, 6]) == YELLOW and tuple(drawn[11, 15]) == YELLOW
    assert tuple(drawn[4, 7]) == (100, 100, 100) and tuple(drawn[12, 16]) == (100, 100, 100)


def test_lesion_at_the_edge_is_outlined_there() -> None:
    drawn = drawn_on(np.zeros((8, 8, 3), dtype=np.uint8), np.ones((8, 8)), tint=0)
    assert (drawn[0] == BLUE).all() and (drawn[:, -1] == BLUE).all() and (drawn[1:-1, 1:-1] == 0).all()


def test_lines_grow_with_the_picture() -> None:
    drawn = drawn_on(np.zeros((400, 400, 3), dtype=np.uint8), np.zeros((400, 400)), Box(0, 0, 400, 400))
    assert (drawn[1] == YELLOW).all() and (drawn[2, 2:-2] == 0).all()


@pytest.mark.parametrize("band_pixels", [1, 1500])
def test_bands_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch, band_pixels: int) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (420, 500, 3), dtype=np.uint8)  # lines of two pixels
    mask = np.kron(rng.random((42, 50)) < 0.6, np.ones((10, 10), dtype=bool))
    whole = drawn_on(picture, mask, Box(13, 7, 480, 391))
    monkeypatch.setattr(overlay, "_BAND_PIXELS", band_pixels)
    np.testing.assert_array_equal(drawn_on(picture, mask, Box(13, 7, 480, 391)), whole)


def test_wrong_inputs() -> None:
    picture = Image.new("RGB", (5, 4))
    with pytest.raises(ValueError, match="picture must be RGB, got L; read it as RGB"):
        draw_overlay(picture.convert("L"), np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"mask must have the size of the picture \(4, 5\), got \(5, 4\)"):
        draw_overlay(picture, np.zeros((5, 4)))
    with pytest.raises(ValueError, match="tint must be within 0 and 1, got 2"):
        draw_overlay(picture, np.zeros((4, 5)), tint=2)
