"""Localizes the lesion in pictures and writes mask, overlay and box of each."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from monai.data import MetaTensor
from PIL import Image

from htl_monai.clinic.finding import found_class, found_lesion
from htl_monai.clinic.full_size import at_full_size
from htl_monai.clinic.inputs import Images, find_images, output_names, printable
from htl_monai.clinic.localized import Localized, explains, load_localizer, localize, prepare
from htl_monai.data.files import write_atomically, write_csv, write_json
from htl_monai.data.images.decoding import LARGE_PIXELS
from htl_monai.data.images.pictures import read_image
from htl_monai.data.progress_bar import progress_bar
from htl_monai.localization.boxes import Box
from htl_monai.models.model import Model
from htl_monai.report.pictures.overlay import draw_overlay
from htl_monai.runs.output_folder import output_folder

__all__ = ["predict"]

logger = logging.getLogger(__name__)

_PLACE = ("image", "name", "width", "height", "x_min", "y_min", "x_max", "y_max", "area_px")
COLUMNS = (*_PLACE, "mean_prob", "error")
HEAT_COLUMNS = (*_PLACE, "mean_heat", "class_index", "class_name", "class_prob", "error")
_KINDS = dict.fromkeys((*_PLACE[2:], "class_index"), "Int64") | dict.fromkeys(
    ("mean_prob", "mean_heat", "class_prob"), "float64"
)
# Decoded pixels of a batch that stay in memory until the overlays are drawn; what is more is read again for that.
_KEPT_PIXELS = 2**25
_NOT_FINITE = (
    "the network's output is NaN or infinite, so nothing can be said of it; "
    "look at the picture's intensities, and check the weights"
)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class _Picture:
    path: Path
    name: str
    size: tuple[int, int] = (0, 0)
    whole: Image.Image | None = None
    prepared: MetaTensor | None = None
    error: str | None = None


def predict(
    model: str | os.PathLike[str],
    images: Images,
    out_dir: str | os.PathLike[str],
    device: str | torch.device = "cpu",
    batch_size: int = 8,
    progress: bool = True,
) -> pd.DataFrame:
    """Run a trained network on pictures and write what it found.

    For each picture, by the name that the table gives it: ``<name>_mask.png`` (0 and 255, the size of the picture),
    ``<name>_overlay.png`` and ``<name>.json`` (image, size, box of the largest region, area, mean probability), and at
    the end ``predictions.csv``. For a classifier there are also ``<name>_heat.png``
    (the heat map, 0 to 255; the mask is what reaches the threshold), the mean heat instead of the mean probability,
    and the class. Each file is written atomically. A picture that cannot be read does not stop the others: the table
    says why, and the log how many. A caller that must fail then asks ``table["error"].notna().any()``.
    A picture of more than ``LARGE_PIXELS`` is read at a reduced size, because the network takes a small one; what is
    written has the size of the picture all the same.

    Args:
        model: a bundle's folder or a checkpoint, see :func:`htl_monai.models.find_model.find_model`.
        images: a file, a folder with its subfolders, or a list of files; PNG, JPEG, BMP, TIFF, NIfTI or DICOM.
        out_dir: made where missing; must not hold the pictures themselves.
        device: "cpu", "cuda", …
        batch_size: pictures that go through the network together, at least 1.
        progress: show a bar on the standard error.

    Returns:
        One row per picture with the columns of ``predictions.csv``: image, name, width, height, half-open box (missing
        where nothing was found), area_px, mean_prob (mean lesion probability inside the mask; missing where it is
        empty) and error (missing where the picture was read and the network's output for it is finite). Of heat maps,
        mean_heat (likewise), class_index, class_name (missing where it is not known) and class_prob stand instead of
        mean_prob.

    Raises:
        FileNotFoundError: model or images do not exist.
        ValueError: another network's checkpoint, no picture, a batch size below 1, an unknown device.
        OSError: the results cannot be written.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; use 1 where memory is short")
    with output_folder(out_dir, "predict") as folder:
        paths = find_images(images, folder)
        localizer = load_localizer(model, device)
        pictures = [_Picture(path, name) for path, name in zip(paths, output_names(paths), strict=True)]
        batches = [pictures[start : start + batch_size] for start in range(0, len(pictures), batch_size)]
        rows: list[dict[str, Any]] = []
        with progress_bar(total=len(paths), title="predict", show=progress) as bar:
            for batch in _ahead(lambda batch: _read(batch, localizer), batches):
                rows.extend(_predict_batch(localizer, batch, folder))
                bar.update(len(batch))
        columns = list(HEAT_COLUMNS if explains(localizer) else COLUMNS)
        kinds = {column: kind for column, kind in _KINDS.items() if column in columns}
        table = pd.DataFrame(rows, columns=columns).astype(kinds)
        write_csv(folder / "predictions.csv", table)
    failed = table["error"].dropna()
    if len(failed):  # names of files and patients have no place in a log
        logger.info("%d of %d images could not be read; predictions.csv says why", len(failed), len(table))
    return table


def _read(batch: list[_Picture], localizer: Model) -> list[_Picture]:
    """Return copies with what the network takes, or with the reason why there is nothing."""
    read, kept = [], 0
    for picture in batch:
        try:
            image, size = read_image(picture.path, LARGE_PIXELS)
        except (OSError, ValueError) as error:
            read.append(_Picture(picture.path, picture.name, error=printable(error)))
            continue
        keeps = image.size == size and kept + image.width * image.height <= _KEPT_PIXELS
        kept += image.width * image.height if keeps else 0
        prepared = prepare(localizer, np.array(image))
        read.append(_Picture(picture.path, picture.name, size, image if keeps else None, prepared))
    return read


def _predict_batch(localizer: Model, batch: list[_Picture], out_dir: Path) -> list[dict[str, Any]]:
    prepared = [picture.prepared for picture in batch if picture.prepared is not None]
    localized = iter(localize(localizer, prepared) if prepared else ())
    rows = []
    for picture in batch:
        row: dict[str, Any] = {"image": printable(picture.path), "name": picture.name, "error": picture.error}
        if picture.prepared is not None:
            found = next(localized)
            if found.finite:
                row |= _write_result(picture, found, localizer, out_dir)
            else:
                row["error"] = f"{printable(picture.path)}: {_NOT_FINITE}"
        rows.append(row)
    return rows


def _write_result(picture: _Picture, localized: Localized, localizer: Model, out_dir: Path) -> dict[str, Any]:
    """Write the files of a picture and return its numbers."""
    found = at_full_size(localized.scores, picture.size, localizer.configs.value("cam_threshold", 180))
    lesion = found_lesion(found.mask)
    numbers = {"area_px": lesion["area_px"], "mean_heat" if explains(localizer) else "mean_prob": found.mean}
    if localized.class_prob is not None:
        numbers |= found_class(localized.class_prob, localizer.configs.value("classes"))
    if found.heat is not None:
        _write_png(out_dir / f"{picture.name}_heat.png", Image.fromarray(found.heat))
    _write_png(out_dir / f"{picture.name}_mask.png", Image.fromarray(found.mask.view(np.uint8) * np.uint8(255)))
    try:
        whole = picture.whole or read_image(picture.path)[0]
    except (OSError, ValueError) as error:  # it was readable a moment ago
        return {"error": printable(error)}
    draw_overlay(whole, found.mask, Box(**lesion["box"]) if lesion["box"] else None)
    _write_png(out_dir / f"{picture.name}_overlay.png", whole)
    write_json(out_dir / f"{picture.name}.json", {"image": printable(picture.path)} | lesion | numbers)
    width, height = lesion["size"]
    return {"width": width, "height": height} | (lesion["box"] or {}) | numbers


def _write_png(path: Path, image: Image.Image) -> None:
    write_atomically(path, lambda temporary: image.save(temporary, format="PNG"))


def _ahead(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yield ``work(item)`` in order, with one item being worked on in the background ahead of the caller."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: deque[Future[_Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
