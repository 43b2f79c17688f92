"""Measures how many pixels are lesion, and the class weights that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from htl_monai.data.images.threads import on_threads
from htl_monai.data.preparation.examine import FOREGROUND_ABOVE


def foreground_frequency(data: Sequence[Mapping[str, Any]], num_workers: int = 2) -> float:
    """Return the mean share of lesion pixels over the masks of a data list; each image counts the same.

    Args:
        data: items with a mask under ``label``; the list must not be empty.

    Raises:
        ValueError: the list is empty.
    """
    if not data:
        raise ValueError("data must hold at least one image, got an empty list; give the training list")
    masks = [item["label"] for item in data]
    return float(np.mean([*on_threads(_foreground_share, masks, "reading masks", False, num_workers)]))


def class_weights(data: Sequence[Mapping[str, Any]], num_workers: int = 2) -> Tensor:
    """Return the weights of background and foreground for the cross-entropy of Attend Who is Weak, equation (3).

    A class weighs the inverse of its pixel frequency, scaled so that both weigh the same in sum: ``1 / (2 f)``. The
    paper leaves ``w_c`` open; on the ISIC-2017 training masks this gives about 0.62 and 2.58.

    Args:
        data: items with a mask under ``label``; the list must not be empty.

    Returns:
        Float32 of shape ``(2,)``: background, foreground; both must occur.

    Raises:
        ValueError: the list is empty, or its masks hold one class only.
    """
    frequency = foreground_frequency(data, num_workers)
    if frequency in (0.0, 1.0):
        raise ValueError(f"masks must hold both classes, got {frequency:.0%} foreground; run `htl data check`")
    return torch.tensor([0.5 / (1 - frequency), 0.5 / frequency], dtype=torch.float32)


def _foreground_share(path: str) -> float:
    with Image.open(path) as mask:
        return float((np.asarray(mask.convert("L")) > FOREGROUND_ABOVE).mean())
