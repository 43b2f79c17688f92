"""The cache holds the pictures that the files show, is made once, and survives a kill."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from htl_monai.data.images import image_cache as cache_filling
from htl_monai.data.images.image_cache import CachedImages, ensure_image_cache
from htl_monai.data.readers.listing import Datalists

SIZE = (6, 8)
COUNT = 7
LEFT_BY_A_KILL = {"images.partial.npy", "images.partial.done", "images.partial.json"}


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *SIZE), dtype=np.uint8)


@pytest.fixture
def datalists(pictures: np.ndarray, tmp_path: Path) -> Datalists:
    items = []
    for number, picture in enumerate(pictures):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture).save(path)
        label = [float(number % 2), None if number == 0 else 1.0]
        items.append({"id": f"image {number}", "image": str(path), "label": label})
    return {"training": items[:4], "validation": items[4:5], "test": items[5:], "unlabelled": []}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "images.npy"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that were decoded."""
    names: list[str] = []

    def read(file: str) -> np.ndarray:
        names.append(Path(file).stem)
        return real(file)

    real = cache_filling.read_grey
    monkeypatch.setattr(cache_filling, "read_grey", read)
    yield names


def test_the_cache_holds_the_pictures(pictures: np.ndarray, datalists: Datalists, path: Path) -> None:
    cache = ensure_image_cache(datalists, path, SIZE)
    images = cache.images()
    assert isinstance(images, np.memmap) and images.dtype == np.uint8 and not images.flags.writeable
    assert np.array_equal(images, pictures)
    assert list(cache.rows) == [f"image {number}" for number in range(COUNT)]
    assert {file.name for file in path.parent.iterdir()} <= {"images.npy", "images.json", "images.lock"}
    small = ensure_image_cache(datalists, path, (3, 4)).images()
    assert np.abs(small - pictures.reshape(COUNT, 3, 2, 4, 2).mean(axis=(2, 4))).max() <= 0.5


def test_images_are_decoded_once(datalists: Datalists, path: Path, decoded: list[str]) -> None:
    ensure_image_cache(datalists, path, SIZE)
    assert sorted(decoded) == [str(number) for number in range(COUNT)]
    ensure_image_cache(datalists, path, list(SIZE))
    cache = ensure_image_cache({"test": datalists["test"]}, path, SIZE)
    assert len(decoded) == COUNT and len(cache.rows) == COUNT


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 1, "unreadable": {}}'])
def test_a_damaged_description_is_decoded_anew(
    content: str, datalists: Datalists, path: Path, decoded: list[str], pictures: np.ndarray
) -> None:
    ensure_image_cache(datalists, path, SIZE)
    path.with_suffix(".json").write_text(content)
    decoded.clear()
    cache = ensure_image_cache(datalists, path, SIZE)
    assert len(decoded) == COUNT and np.array_equal(cache.images(), pictures)


@pytest.mark.parametrize("changed", ["size", "file", "new image"])
def test_another_size_or_other_files_are_decoded_anew(
    datalists: Datalists, path: Path, decoded: list[str], changed: str
) -> None:
    ensure_image_cache(datalists, path, SIZE)
    size, last = SIZE, Path(datalists["test"][-1]["image"])
    if changed == "size":
        size = (8, 6)
    elif changed == "file":
        Image.fromarray(np.zeros(SIZE, dtype=np.uint8)).save(last)
    else:
        Image.fromarray(np.zeros(SIZE, dtype=np.uint8)).save(last.with_name("new.png"))
        datalists["unlabelled"] = [{"id": "new", "image": str(last.with_name("new.png"))}]
    cache = ensure_image_cache(datalists, path, size)
    assert len(decoded) == 2 * COUNT + (changed == "new image")
    assert cache.images().shape[1:] == size
    assert changed == "size" or not cache.images()[-1].any()


def test_a_stopped_decoding_goes_on_where_it_was(
    pictures: np.ndarray, datalists: Datalists, path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_filling, "CHUNK", 2)
    reading = cache_filling.read_grey

    def stop_at_five(file: str) -> np.ndarray:
        if len(decoded) == 5:
            raise KeyboardInterrupt
        return reading(file)

    monkeypatch.setattr(cache_filling, "read_grey", stop_at_five)
    with pytest.raises(KeyboardInterrupt):
        ensure_image_cache(datalists, path, SIZE, num_workers=1)
    assert not path.exists() and {file.name for file in path.parent.iterdir()} >= LEFT_BY_A_KILL
    monkeypatch.setattr(cache_filling, "read_grey", reading)
    decoded.clear()
    cache = ensure_image_cache(datalists, path, SIZE)
    assert sorted(decoded) == ["4", "5", "6"]
    assert np.array_equal(cache.images(), pictures)


def test_a_stopped_decoding_of_other_images_is_thrown_away(
    datalists: Datalists, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_filling.os, "replace", lambda *names: (_ for _ in ()).throw(OSError(28, "disk is full")))
    with pytest.raises(OSError, match="disk is full"):
        ensure_image_cache(datalists, path, SIZE)
    monkeypatch.undo()
    datalists["training"].reverse()
    cache = ensure_image_cache(datalists, path, SIZE)
    fresh = ensure_image_cache(datalists, path.with_name("fresh.npy"), SIZE)
    assert np.array_equal(cache.images(), fresh.images()) and cache.rows == fresh.rows
    assert path.read_bytes() == fresh.path.read_bytes()


def test_a_killed_process_leaves_what_the_next_one_finishes(
    pictures: np.ndarray, datalists: Datalists, path: Path, decoded: list[str]
) -> None:
    def decode_until_killed() -> None:
        real = cache_filling.read_grey
        cache_filling.CHUNK = 2
        cache_filling.read_grey = lambda file: kill() if file.endswith("5.png") else real(file)
        ensure_image_cache(datalists, path, SIZE, num_workers=1)

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=decode_until_killed)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not path.exists() and {file.name for file in path.parent.iterdir()} >= LEFT_BY_A_KILL
    cache = ensure_image_cache(datalists, path, SIZE)
    assert sorted(decoded) == ["4", "5", "6"]
    assert np.array_equal(cache.images(), pictures)


def test_of_several_at_once_one_decodes(datalists: Datalists, path: Path, decoded: list[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        caches = list(pool.map(lambda _: ensure_image_cache(datalists, path, SIZE), range(4)))
    assert len(decoded) == COUNT
    assert all(cache == caches[0] for cache in caches)


def test_unreadable_and_missing_images_are_named(datalists: Datalists, path: Path, decoded: list[str]) -> None:
    Path(datalists["training"][1]["image"]).write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"image must be readable, got 1 that are not \(image 1\), image 1: .*1.png"):
        ensure_image_cache(datalists, path, SIZE)
    count = len(decoded)
    assert len(ensure_image_cache({"test": datalists["test"]}, path, SIZE).rows) == COUNT
    assert len(decoded) == count  # nothing of the others is lost
    Path(datalists["training"][2]["image"]).unlink()
    with pytest.raises(FileNotFoundError, match="every image must be there, got 1 of 7 that are not: image 2; prepare"):
        ensure_image_cache(datalists, path, SIZE)


def test_wrong_arguments(datalists: Datalists, path: Path) -> None:
    for size in ((8,), (0, 8)):
        with pytest.raises(ValueError, match="spatial_size must be height and width from 1 pixel, got"):
            ensure_image_cache(datalists, path, size)
    with pytest.raises(ValueError, match="path must end in .npy, got .*images.bin; rename it"):
        ensure_image_cache(datalists, path.with_suffix(".bin"), SIZE)
    with pytest.raises(ValueError, match="datalists must hold at least one image, got none; give the lists"):
        ensure_image_cache({"training": []}, path, SIZE)


def test_items_of_the_data_set(pictures: np.ndarray, datalists: Datalists, path: Path) -> None:
    cache = ensure_image_cache(datalists, path, SIZE)
    items = [datalists["training"][number] for number in (3, 0, 3)]  # an image may be there several times
    data = CachedImages(items, cache)
    assert len(data) == 3 and [item["id"] for item in data] == ["image 3", "image 0", "image 3"]
    assert data[0]["image"].dtype == torch.uint8 and data[0]["image"].shape == (1, *SIZE)
    assert np.array_equal(data[2]["image"][0].numpy(), pictures[3])
    assert data[0]["label"].dtype == torch.float32 and data[0]["label"].tolist() == [1, 1]
    assert data[1]["label"][0] == 0 and data[1]["label"][1].isnan()
    data[0]["image"].zero_()
    assert np.array_equal(data[0]["image"][0].numpy(), pictures[3])
    with pytest.raises(KeyError, match="items must be in the cache .*, got 1 that are not .other.; make it of all"):
        CachedImages([items[0], {"id": "other", "label": [0.0, 0.0]}], cache)


def test_pixels_do_not_travel_to_workers(datalists: Datalists, path: Path, pictures: np.ndarray) -> None:
    data = CachedImages(datalists["training"], ensure_image_cache(datalists, path, SIZE))
    assert np.array_equal(data[0]["image"][0].numpy(), pictures[0])
    content = pickle.dumps(data)
    assert pictures[0].tobytes() not in content
    assert torch.equal(pickle.loads(content)[1]["image"], data[1]["image"])
