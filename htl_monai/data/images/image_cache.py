"""All images of a data set decoded once, in a folder that every seed and sparsity reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import Dataset

from htl_monai.data.digest import digest
from htl_monai.data.files import write_atomically
from htl_monai.data.images.pictures import read_grey
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import Item, name_first


@dataclass(frozen=True)
class ImageCache:
    """Pictures as one grey channel, each decoded when it is first asked for and kept as a file of its own.

    Its name stands for the image's ``id``, file, size and time of change: a changed image is decoded anew, a decoding
    that was killed goes on where it was, and several processes may share the folder.

    Args:
        folder: of the decoded pictures.
        spatial_size: height and width of each, in pixels, reached by averaging areas.

    Raises:
        ValueError: sizes below 1.
    """

    folder: str | os.PathLike[str]
    spatial_size: Sequence[int]

    def __post_init__(self) -> None:
        size = tuple(self.spatial_size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"spatial_size must be height and width from 1 pixel, got {size}; correct it")

    def picture(self, item: Item) -> NDArray[np.uint8]:
        """Return the picture of an item, ``(H, W)``.

        Raises:
            FileNotFoundError: the image is not there.
            ValueError: it cannot be read; the message names it.
        """
        file, size = os.stat(item["image"]), [int(side) for side in self.spatial_size]
        key = [item["id"], os.path.basename(item["image"]), file.st_size, file.st_mtime_ns, size]
        path = Path(self.folder) / f"{digest(key)}.npy"
        if not path.is_file():
            picture = resized_by_area(read_grey(item["image"]), size)
            write_atomically(path, lambda temporary: np.save(temporary, picture))
        found: NDArray[np.uint8] = np.load(path)
        return found

    def fill(self, items: Sequence[Item], num_workers: int = 2, progress: bool = False) -> dict[str, str]:
        """Decode what is not decoded yet, and return the reason by id of each image that cannot be read."""
        faults = on_threads(self._fault, items, "decoding images", progress, num_workers)
        return {item["id"]: fault for item, fault in zip(items, faults, strict=True) if fault}

    def _fault(self, item: Item) -> str:
        try:
            self.picture(item)
        except ValueError as error:
            return str(error)
        return ""


class CachedImages(Dataset[dict[str, Any]]):
    """The images and label vectors of a data list, read from a cache.

    An item is ``{"id": str, "image": uint8 (1, H, W), "label": float32 (C,)}``; a label is NaN where it is unknown.

    Args:
        items: dicts with ``id``, ``image`` and ``label``; the same image may stand there several times.

    Raises:
        FileNotFoundError: images are not there.
        ValueError: an image has no label vector.
    """

    def __init__(self, items: Sequence[Item], cache: ImageCache) -> None:
        lost = [str(item["id"]) for item in items if not os.path.isfile(item["image"])]
        if lost:
            raise FileNotFoundError(
                f"every image must be there, got {len(lost)} of {len(items)} that are not: {name_first(lost)}; "
                "prepare the data again with skip_unusable=true, which leaves them out"
            )
        self.cache, self._items = cache, items
        self._labels = torch.from_numpy(label_matrix(items).astype(np.float32)) if items else torch.empty(0, 0)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self._items[index]
        image = torch.from_numpy(self.cache.picture(item))
        return {"id": item["id"], "image": image[None], "label": self._labels[index]}


def resized_by_area(picture: NDArray[np.uint8], spatial_size: Sequence[int]) -> NDArray[np.uint8]:
    """Resize a grey picture by averaging areas, as MONAI's ``Resize(mode="area")``, rounded to whole grey values.

    The aspect ratio is not kept; a picture ``(H, W)`` that has the size already is returned as it is.

    Example:
        >>> resized_by_area(np.array([[0, 10, 4, 4], [20, 30, 4, 5]], dtype=np.uint8), (1, 2)).tolist()
        [[15, 4]]
    """
    if picture.shape == tuple(spatial_size):
        return picture
    grey = torch.from_numpy(picture.astype(np.float32))[None, None]
    resized: NDArray[np.float32] = functional.interpolate(grey, tuple(spatial_size), mode="area")[0, 0].numpy()
    return np.rint(resized).astype(np.uint8)
