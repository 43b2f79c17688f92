"""Outlines the lesion in pictures and writes mask, overlay and box of each."""

from __future__ import annotations

import logging
import os
import sys
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
from torch import Tensor
from tqdm import tqdm

from htl_monai.data.files import write_atomically, write_csv, write_json
from htl_monai.deploy.images import read_picture
from htl_monai.deploy.inputs import Images, find_images, output_names
from htl_monai.deploy.model import LocalizationModel, load_model
from htl_monai.deploy.overlay import draw_overlay
from htl_monai.localization.boxes import mask_to_box

__all__ = ["predict"]

logger = logging.getLogger(__name__)

COLUMNS = ("image", "name", "width", "height", "x_min", "y_min", "x_max", "y_max", "area_px", "mean_prob", "error")
_WHOLE = ("width", "height", "x_min", "y_min", "x_max", "y_max", "area_px")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class _Picture:
    path: Path
    name: str
    rgb: np.ndarray | None = None
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
    the end ``predictions.csv``. Each file is written atomically. A picture that cannot be read does not stop the
    others: the table says why, and the log names it at the end. A caller that must fail then asks
    ``table["error"].notna().any()``.

    Args:
        model: a bundle's folder or a checkpoint, see :func:`htl_monai.deploy.model.load_model`.
        images: a file, a folder with its subfolders, or a list of files; PNG, JPEG, BMP, TIFF, NIfTI or DICOM.
        out_dir: made where missing; must not hold the pictures themselves.
        device: "cpu", "cuda", …
        batch_size: pictures that go through the network together, at least 1.
        progress: show a bar on the standard error.

    Returns:
        One row per picture with the columns of ``predictions.csv``: image, name, width, height, half-open box (missing
        where nothing was found), area_px, mean_prob (mean lesion probability inside the mask; missing where it is
        empty) and error (missing where the picture was read).

    Raises:
        FileNotFoundError: model or images do not exist.
        ValueError: another network's checkpoint, no picture, a batch size below 1, an unknown device.
        OSError: the results cannot be written.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; use 1 where memory is short")
    paths = find_images(images, out_dir)
    localizer = load_model(model, device)
    pictures = [_Picture(path, name) for path, name in zip(paths, output_names(paths), strict=True)]
    batches = [pictures[start : start + batch_size] for start in range(0, len(pictures), batch_size)]
    rows: list[dict[str, Any]] = []
    with tqdm(total=len(paths), desc="predict", unit="image", file=sys.stderr, disable=not progress) as bar:
        for batch in _ahead(lambda batch: [_read(picture, localizer) for picture in batch], batches):
            rows.extend(_predict_batch(localizer, batch, Path(out_dir)))
            bar.update(len(batch))
    kinds = dict.fromkeys(_WHOLE, "Int64") | {"mean_prob": "float64"}
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)
    write_csv(Path(out_dir) / "predictions.csv", table)
    for error in table["error"].dropna():
        logger.error("skipped: %s", error)
    return table


def _read(picture: _Picture, localizer: LocalizationModel) -> _Picture:
    """Return a copy with the pixels, or with the reason why there are none."""
    try:
        rgb = read_picture(picture.path)
    except (OSError, ValueError) as error:
        return _Picture(picture.path, picture.name, error=str(error))
    return _Picture(picture.path, picture.name, rgb, localizer.prepare(rgb))


def _predict_batch(localizer: LocalizationModel, batch: list[_Picture], out_dir: Path) -> list[dict[str, Any]]:
    prepared = [picture.prepared for picture in batch if picture.prepared is not None]
    probabilities = iter(localizer.probabilities(prepared) if prepared else ())
    rows = []
    for picture in batch:
        row: dict[str, Any] = {"image": str(picture.path), "name": picture.name, "error": picture.error}
        if picture.rgb is not None:
            row |= _write_result(picture, picture.rgb, next(probabilities), out_dir)
        rows.append(row)
    return rows


def _write_result(picture: _Picture, rgb: np.ndarray, probability: Tensor, out_dir: Path) -> dict[str, Any]:
    """Write the three files of a picture and return its numbers."""
    mask = (probability.argmax(dim=0) == 1).numpy()
    box = mask_to_box(mask)
    height, width = mask.shape
    area = int(mask.sum())
    mean_prob = float(probability[1].numpy()[mask].mean(dtype=np.float64)) if area else None
    _write_png(out_dir / f"{picture.name}_mask.png", np.where(mask, 255, 0).astype(np.uint8))
    _write_png(out_dir / f"{picture.name}_overlay.png", draw_overlay(rgb, mask, box))
    sides = box._asdict() if box else None
    found = {"box": sides, "area_px": area, "mean_prob": mean_prob}
    write_json(out_dir / f"{picture.name}.json", {"image": str(picture.path), "size": [width, height]} | found)
    return {"width": width, "height": height, "area_px": area, "mean_prob": mean_prob} | (sides or {})


def _write_png(path: Path, pixels: np.ndarray) -> None:
    write_atomically(path, lambda temporary: Image.fromarray(pixels).save(temporary, format="PNG"))


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
