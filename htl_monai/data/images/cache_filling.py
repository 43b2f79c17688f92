"""Decodes the images of a data set into one file, and goes on where it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from htl_monai.data.files import write_text
from htl_monai.data.images.grey_picture import read_grey, resized_by_area
from htl_monai.data.progress_bar import progress_bar
from htl_monai.data.readers.listing import Item, name_first

__all__ = ["cache_description", "description_path", "fill_cache"]

# Images between two marks of what is done: that many at most are decoded again after a kill, and lie in memory.
CHUNK = 256


def cache_description(items: Sequence[Item], spatial_size: tuple[int, int]) -> dict[str, Any]:
    """Describe what a cache of these images holds, from names, sizes and times of change; no image is opened.

    Returns:
        ``spatial_size`` and ``files``: by id, the file's name, its bytes and when it was changed (ns).

    Raises:
        FileNotFoundError: images are not there; they are named.
    """
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
    return {"spatial_size": [int(side) for side in spatial_size], "files": files}


def description_path(path: Path) -> Path:
    """Return the file beside a cache that says what it holds; without it a cache is unfinished."""
    return path.with_suffix(".json")


def fill_cache(
    items: Sequence[Item], path: Path, spatial_size: tuple[int, int], num_workers: int = 2, progress: bool = False
) -> None:
    """Decode all images into ``path`` and describe it in the JSON file beside it.

    They are written to ``*.partial.npy``, with a mark for each that is done; after a kill the next call with the same
    images decodes the rest. Images that cannot be read are black in the cache and named in ``unreadable`` of the
    description.

    Args:
        items: dicts with ``id`` and ``image``, unique by id and at least one.
        path: the ``.npy`` file to come to, ``(N, H, W)`` uint8.
        spatial_size: height and width.
        num_workers: threads; at least one is used.
        progress: show a progress bar on stderr.

    Raises:
        FileNotFoundError: images are not there.
        OSError: the disk is full, or the folder cannot be written; what is decoded is kept.
    """
    description = cache_description(items, spatial_size)
    parts = {name: path.with_name(f"{path.stem}.partial.{name}") for name in ("npy", "done", "json")}
    path.parent.mkdir(parents=True, exist_ok=True)
    offset = _start(parts, description, (len(items), *spatial_size))
    done = np.frombuffer(parts["done"].read_bytes(), dtype=np.uint8)
    unreadable = _decode(items, parts, np.flatnonzero(done == 0), offset, spatial_size, num_workers, progress)
    # Never the description of one cache beside the pixels of another, whenever a kill comes.
    description_path(path).unlink(missing_ok=True)
    os.replace(parts["npy"], path)
    write_text(description_path(path), json.dumps(description | {"unreadable": unreadable}, ensure_ascii=False))
    for name in ("json", "done"):
        parts[name].unlink()


def _start(parts: dict[str, Path], description: dict[str, Any], shape: tuple[int, ...]) -> int:
    """Make the partial files, or find those of the same images; return where the pixels begin."""
    text = json.dumps(description)
    there = all(part.is_file() for part in parts.values())
    if not there or parts["json"].read_text(encoding="utf-8") != text:
        parts["json"].unlink(missing_ok=True)
        with parts["npy"].open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + int(np.prod(shape)))
        parts["done"].write_bytes(bytes(shape[0]))
        write_text(parts["json"], text)
    with parts["npy"].open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return file.tell()


def _decode(
    items: Sequence[Item],
    parts: dict[str, Path],
    rows: NDArray[np.intp],
    offset: int,
    spatial_size: tuple[int, int],
    num_workers: int,
    progress: bool,
) -> dict[str, str]:
    """Write the images of some rows and mark them; return why others could not be read. These stay without mark."""
    unreadable = {}
    read = partial(_read, spatial_size=spatial_size)
    with (
        ThreadPoolExecutor(max(1, num_workers)) as pool,
        parts["npy"].open("r+b") as pixels,
        parts["done"].open("r+b") as marks,
        progress_bar(total=len(items), initial=len(items) - len(rows), title="decoding images", show=progress) as bar,
    ):
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK].tolist()
            good = []
            for row, found in zip(chunk, pool.map(read, [items[row] for row in chunk]), strict=True):
                if isinstance(found, str):
                    unreadable[str(items[row]["id"])] = found
                    continue
                pixels.seek(offset + row * found.size)
                pixels.write(found.tobytes())
                good.append(row)
                bar.update()
            _to_disk(pixels)
            for row in good:
                marks.seek(row)
                marks.write(b"\x01")
            _to_disk(marks)
    return unreadable


def _read(item: Item, spatial_size: tuple[int, int]) -> NDArray[np.uint8] | str:
    try:
        return resized_by_area(read_grey(item["image"]), spatial_size)
    except ValueError as error:
        return str(error)


def _to_disk(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
