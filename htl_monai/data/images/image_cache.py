"""All images of a data set decoded once, in one memory-mapped file that every seed and sparsity reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch.utils.data import Dataset

from htl_monai.data.files import read_note, write_text
from htl_monai.data.images.grey_picture import read_grey, resized_by_area
from htl_monai.data.progress_bar import progress_bar
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import Datalists, Item, name_first

# Images between two marks of what is done: that many at most are decoded again after a kill, and lie in memory.
CHUNK = 256


@dataclass(frozen=True)
class ImageCache:
    """Decoded images on disk; to the workers of a data loader it travels as a path, not as pixels.

    Args:
        path: an ``.npy`` file of ``(N, H, W)`` uint8.
        rows: the row of each image by its id.
        unreadable: the reason by id of the images that could not be decoded; their rows are black.
    """

    path: Path
    rows: Mapping[str, int]
    unreadable: Mapping[str, str]

    def images(self) -> NDArray[np.uint8]:
        """Open the memory map ``(N, H, W)``, read-only."""
        found: NDArray[np.uint8] = np.load(self.path, mmap_mode="r")
        return found


def ensure_image_cache(
    datalists: Datalists,
    path: str | os.PathLike[str],
    spatial_size: Sequence[int],
    num_workers: int = 2,
    progress: bool = False,
) -> ImageCache:
    """Open the cache of all images of the data lists, after decoding them once where that is not done.

    Each picture becomes one grey channel of ``spatial_size`` (height, width) by averaging areas. ``images.json`` beside
    ``images.npy`` says of which files it is; a cache that lacks an image, holds another size, or whose image files have
    changed is made anew. A killed decoding goes on where it was. Several processes, such as those of ``torchrun``, may
    call at once: the first decodes, the others wait for its lock.

    Args:
        path: the ``.npy`` file; its folder must be the same for all processes.

    Returns:
        the cache; it may hold further images.

    Raises:
        FileNotFoundError: images are not there.
        ValueError: no image, sizes below 1, or an image that cannot be read; the message names it.
    """
    items = [item for part in datalists.values() for item in part]
    cache = open_or_fill(items, path, spatial_size, num_workers, progress)
    unreadable = [str(item["id"]) for item in items if item["id"] in cache.unreadable]
    if unreadable:
        raise ValueError(
            f"every image must be readable, got {len(unreadable)} that are not ({name_first(unreadable)}), "
            f"{unreadable[0]}: {cache.unreadable[unreadable[0]]}, or prepare the data with skip_unusable=true"
        )
    return cache


def open_or_fill(
    items: Sequence[Item],
    path: str | os.PathLike[str],
    spatial_size: Sequence[int],
    num_workers: int = 2,
    progress: bool = False,
) -> ImageCache:
    """Do what :func:`ensure_image_cache` does, but leave it to the caller to look at ``unreadable``."""
    if len(spatial_size) != 2 or min(spatial_size) < 1:
        raise ValueError(f"spatial_size must be height and width from 1 pixel, got {tuple(spatial_size)}; correct it")
    if Path(path).suffix != ".npy":
        raise ValueError(f"path must end in .npy, got {path}; rename it")
    if not items:
        raise ValueError("datalists must hold at least one image, got none; give the lists of the stage preparing")
    path, size = Path(path).absolute(), (int(spatial_size[0]), int(spatial_size[1]))
    items = list({item["id"]: item for item in items}.values())
    wanted = _description(items, size)
    cache = _open(path, wanted)
    if cache is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            cache = _open(path, wanted)
            if cache is None:
                _fill(items, path, size, num_workers, progress)
                cache = _open(path, wanted)
    if cache is None:
        raise RuntimeError(f"images must not change while they are decoded, got changed ones for {path}; start again")
    return cache


class CachedImages(Dataset[dict[str, Any]]):
    """The images and label vectors of a data list, read from a cache.

    An item is ``{"id": str, "image": uint8 (1, H, W), "label": float32 (C,)}``; a label is NaN where it is unknown.

    Args:
        items: dicts with ``id`` and ``label``; the same image may stand there several times.

    Raises:
        KeyError: an image is not in the cache.
        ValueError: an image has no label vector.
    """

    def __init__(self, items: Sequence[Item], cache: ImageCache) -> None:
        lost = [str(item["id"]) for item in items if item["id"] not in cache.rows]
        if lost:
            raise KeyError(
                f"items must be in the cache {cache.path}, got {len(lost)} that are not ({name_first(lost)}); "
                "make it of all data lists"
            )
        self.cache = cache
        self._ids = [item["id"] for item in items]
        self._rows = [cache.rows[id_] for id_ in self._ids]
        self._labels = torch.from_numpy(label_matrix(items).astype(np.float32)) if items else torch.empty(0, 0)
        self._images: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if self._images is None:
            self._images = self.cache.images()
        image = torch.from_numpy(np.array(self._images[self._rows[index]]))
        return {"id": self._ids[index], "image": image[None], "label": self._labels[index]}

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled with all its pixels.
        return self.__dict__ | {"_images": None}


def _description(items: Sequence[Item], spatial_size: tuple[int, int]) -> dict[str, Any]:
    """Describe what a cache of these images holds: its size, and by id each file's name, bytes and time of change."""
    files, lost = {}, []
    for item in items:
        try:
            stat = os.stat(item["image"])
            files[str(item["id"])] = [os.path.basename(item["image"]), stat.st_size, stat.st_mtime_ns]
        except FileNotFoundError:
            lost.append(str(item["id"]))
    if lost:
        raise FileNotFoundError(
            f"every image must be there, got {len(lost)} of {len(items)} that are not: {name_first(lost)}; "
            "prepare the data again with skip_unusable=true, which leaves them out"
        )
    return {"spatial_size": list(spatial_size), "files": files}


def _open(path: Path, wanted: Mapping[str, Any]) -> ImageCache | None:
    """Return the cache if it is finished, undamaged and holds all files that are wanted, as they are now."""
    found = read_note(path.with_suffix(".json")) if path.is_file() else {}
    files, unreadable = found.get("files"), found.get("unreadable")
    if not isinstance(files, dict) or not isinstance(unreadable, dict):
        return None
    same = all(files.get(id_) == file for id_, file in wanted["files"].items())
    if found.get("spatial_size") != wanted["spatial_size"] or not same:
        return None
    return ImageCache(path, {id_: row for row, id_ in enumerate(files)}, unreadable)


def _fill(items: Sequence[Item], path: Path, spatial_size: tuple[int, int], num_workers: int, progress: bool) -> None:
    """Decode all images into ``path`` and describe it in the JSON file beside it.

    They are written to ``*.partial.npy``, with a mark for each that is done; after a kill the next call with the same
    images decodes the rest. Images that cannot be read are black and named in ``unreadable`` of the description.
    """
    description = _description(items, spatial_size)
    parts = {name: path.with_name(f"{path.stem}.partial.{name}") for name in ("npy", "done", "json")}
    offset = _start(parts, json.dumps(description), (len(items), *spatial_size))
    todo = np.flatnonzero(np.frombuffer(parts["done"].read_bytes(), dtype=np.uint8) == 0).tolist()
    unreadable = {}
    read = partial(_read, spatial_size=spatial_size)
    with (
        ThreadPoolExecutor(max(1, num_workers)) as pool,
        parts["npy"].open("r+b") as pixels,
        parts["done"].open("r+b") as marks,
        progress_bar(total=len(items), initial=len(items) - len(todo), title="decoding images", show=progress) as bar,
    ):
        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]
            good = []
            for row, found in zip(chunk, pool.map(read, [items[row] for row in chunk]), strict=True):
                if isinstance(found, str):
                    unreadable[str(items[row]["id"])] = found
                else:
                    good.append((row, found.tobytes()))
                    bar.update()
            # Written and not mapped: on a full disk a memory map ends the process without a word.
            _write(pixels, [(offset + row * len(picture), picture) for row, picture in good])
            _write(marks, [(row, b"\x01") for row, _ in good])
    # Never the description of one cache beside the pixels of another, whenever a kill comes.
    path.with_suffix(".json").unlink(missing_ok=True)
    os.replace(parts["npy"], path)
    write_text(path.with_suffix(".json"), json.dumps(description | {"unreadable": unreadable}, ensure_ascii=False))
    for name in ("json", "done"):
        parts[name].unlink()


def _start(parts: dict[str, Path], text: str, shape: tuple[int, ...]) -> int:
    """Make the partial files, or find those of the same description; return where the pixels begin."""
    there = all(part.is_file() for part in parts.values())
    if not there or parts["json"].read_text(encoding="utf-8") != text:
        parts["json"].unlink(missing_ok=True)
        np.lib.format.open_memmap(parts["npy"], "w+", np.uint8, shape)
        parts["done"].write_bytes(bytes(shape[0]))
        write_text(parts["json"], text)
    return int(np.load(parts["npy"], mmap_mode="r").offset)


def _read(item: Item, spatial_size: tuple[int, int]) -> NDArray[np.uint8] | str:
    try:
        return resized_by_area(read_grey(item["image"]), spatial_size)
    except ValueError as error:
        return str(error)


def _write(file: Any, blocks: Sequence[tuple[int, bytes]]) -> None:
    for place, content in blocks:
        file.seek(place)
        file.write(content)
    file.flush()
    os.fsync(file.fileno())
