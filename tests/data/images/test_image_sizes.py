"""Sizes of images from their headers."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from htl_monai.data.images.image_sizes import image_sizes


def test_width_and_height_by_id_without_decoding(tmp_path: Path) -> None:
    Image.effect_noise((50, 30), 90).save(tmp_path / "a.jpg")
    Image.new("L", (7, 9)).save(tmp_path / "b.png")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2 + 200])  # no decoder reads this to the end
    items = [{"id": "b", "image": str(tmp_path / "b.png")}, {"id": "a", "image": str(tmp_path / "a.jpg")}]
    assert image_sizes(items) == {"b": (7, 9), "a": (50, 30)}
    assert image_sizes([]) == {}


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone.jpg"):
        image_sizes([{"id": "a", "image": str(tmp_path / "gone.jpg")}])
