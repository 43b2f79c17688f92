"""Brings what a network says of a picture to the picture's size, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from htl_monai.tasks.heat_map_localization import foreground_mask

_BAND_PIXELS = 2**22


@dataclass(frozen=True)
class FullSize:
    """What was localized in one picture, one byte per pixel.

    Args:
        mask: (H, W) bool.
        mean: the mean score of the lesion inside the mask; None where it is empty.
        heat: (H, W) uint8, a heat map from 0 to 255; None where the network segments.
    """

    mask: np.ndarray
    mean: float | None
    heat: np.ndarray | None = None


def at_full_size(scores: Tensor, size: tuple[int, int], threshold: float = 180) -> FullSize:
    """Return mask, mean score and heat map of a picture.

    Scores of a picture that was read at a reduced size are enlarged bilinearly, band by band: as floats of several
    channels the whole would take more memory than the picture.

    Args:
        scores: probabilities of background and lesion ``(2, h, w)``, or a heat map in [0, 1] ``(1, h, w)``.
        size: width and height to come to.
        threshold: of heat maps, see :func:`~htl_monai.tasks.heat_map_localization.foreground_mask`.
    """
    width, height = size
    mask = np.empty((height, width), dtype=bool)
    heat = np.empty((height, width), dtype=np.uint8) if len(scores) == 1 else None
    total = 0.0
    for rows, band in _bands(scores, width, height):
        mask[rows] = foreground_mask(band[None], threshold)[0].numpy()
        lesion = band[-1].numpy()
        total += float(lesion[mask[rows]].sum(dtype=np.float64))
        if heat is not None:
            # Cut off and not rounded, as MONAI's writer does: the mask is then where the picture reaches the threshold.
            heat[rows] = (255 * lesion).astype(np.uint8)
    area = int(np.count_nonzero(mask))
    return FullSize(mask, total / area if area else None, heat)


def _bands(scores: Tensor, width: int, height: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield rows and their scores ``(C, rows, width)``; all at once where the size is right already."""
    if tuple(scores.shape[1:]) == (height, width):
        yield slice(0, height), scores
        return
    channels = [Image.fromarray(channel) for channel in scores.numpy().astype(np.float32)]
    scale, step = scores.shape[1] / height, max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        box = (0, top * scale, scores.shape[2], min(bottom * scale, scores.shape[1]))
        parts = [channel.resize((width, bottom - top), Image.Resampling.BILINEAR, box) for channel in channels]
        yield slice(top, bottom), torch.from_numpy(np.stack([np.asarray(part) for part in parts]))
