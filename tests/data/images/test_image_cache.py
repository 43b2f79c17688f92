"""The cache holds the pictures that the files show, is made once, and survives a kill."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from htl_monai.data.images import image_cache
from htl_monai.data.images.image_cache import CachedImages, ImageCache
from htl_monai.data.readers.listing import Item

SIZE = (6, 8)
COUNT = 7


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE), dtype=np.uint8)


@pytest.fixture
def items(pictures: np.ndarray, tmp_path: Path) -> list[Item]:
    found = []
    for number, picture in enumerate(pictures):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture).save(path)
        label = [float(number % 2), None if number == 0 else 1.0]
        found.append({"id": f"image {number}", "image": str(path), "label": label})
    return found


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "run" / "images", SIZE)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that were decoded."""
    names: list[str] = []

    def read(file: str) -> np.ndarray:
        names.append(Path(file).stem)
        return real(file)

    real = image_cache.read_grey
    monkeypatch.setattr(image_cache, "read_grey", read)
    yield names


def test_the_cache_holds_the_pictures(pictures: np.ndarray, items: list[Item], cache: ImageCache) -> None:
    assert cache.fill(items) == {}
    assert np.array_equal([cache.picture(item) for item in items], pictures)
    small = np.array([ImageCache(cache.folder, (3, 4)).picture(item) for item in items])
    assert small.dtype == np.uint8
    assert np.abs(small - pictures.reshape(COUNT, 3, 2, 4, 2).mean(axis=(2, 4))).max() <= 0.5


def test_images_are_decoded_once(items: list[Item], cache: ImageCache, decoded: list[str]) -> None:
    for _ in range(2):
        cache.fill(items)
        cache.picture(items[3])
        assert sorted(decoded) == [str(number) for number in range(COUNT)]
    ImageCache(cache.folder, list(SIZE)).picture(items[3])
    assert len(decoded) == COUNT


def test_a_changed_file_is_decoded_anew(items: list[Item], cache: ImageCache, decoded: list[str]) -> None:
    cache.fill(items)
    Image.fromarray(np.zeros(SIZE, dtype=np.uint8)).save(items[-1]["image"])
    assert not cache.picture(items[-1]).any()
    cache.fill(items)
    assert len(decoded) == COUNT + 1


def test_a_stopped_decoding_goes_on_where_it_was(
    pictures: np.ndarray, items: list[Item], cache: ImageCache, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path, picture: np.ndarray) -> None:
        path.write_bytes(b"half a picture")
        raise KeyboardInterrupt

    cache.fill(items[:4])
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(image_cache.np, "save", stopped)
        cache.fill(items[4:])
    decoded.clear()
    cache.fill(items)
    assert sorted(decoded) == ["4", "5", "6"]
    assert np.array_equal([cache.picture(item) for item in items], pictures)


def test_several_may_decode_at_once(items: list[Item], cache: ImageCache, pictures: np.ndarray) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: cache.fill(items), range(4))) == [{}] * 4
    assert np.array_equal([cache.picture(item) for item in items], pictures)
    assert len([*Path(cache.folder).iterdir()]) == COUNT


def test_unreadable_and_missing_images_are_named(items: list[Item], cache: ImageCache, decoded: list[str]) -> None:
    Path(items[1]["image"]).write_bytes(b"no picture")
    (fault,) = cache.fill(items).items()
    assert fault[0] == "image 1" and "1.png: it is damaged" in fault[1]
    count = len(decoded)
    assert cache.fill(items[2:]) == {} and len(decoded) == count  # nothing of the others is lost
    Path(items[2]["image"]).unlink()
    with pytest.raises(FileNotFoundError, match="every image must be there, got 1 of 7 that are not: image 2; prepare"):
        CachedImages(items, cache)


@pytest.mark.parametrize("size", [(8,), (0, 8)])
def test_wrong_sizes(size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="spatial_size must be height and width from 1 pixel, got"):
        ImageCache("images", size)


def test_items_of_the_data_set(pictures: np.ndarray, items: list[Item], cache: ImageCache) -> None:
    data = CachedImages([items[number] for number in (3, 0, 3)], cache)  # an image may be there several times
    assert len(data) == 3 and [item["id"] for item in data] == ["image 3", "image 0", "image 3"]
    assert data[0]["image"].dtype == torch.uint8 and data[0]["image"].shape == (1, *SIZE)
    assert np.array_equal(data[2]["image"][0].numpy(), pictures[3])
    assert data[0]["label"].dtype == torch.float32 and data[0]["label"].tolist() == [1, 1]
    assert data[1]["label"][0] == 0 and data[1]["label"][1].isnan()
    data[0]["image"].zero_()
    assert np.array_equal(data[0]["image"][0].numpy(), pictures[3])
