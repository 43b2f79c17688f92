"""Takes from a batch what a heat map of each image's own diagnosis needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.utils import CommonKeys as Keys
from torch import Tensor


def explain_diagnosis(
    batchdata: Mapping[str, Any], device: str | torch.device | None = None, non_blocking: bool = False, **kwargs: Any
) -> tuple[Tensor, None, tuple[()], dict[str, Tensor]]:
    """Return a batch's images, no label, and its diagnoses as the classes whose heat maps are asked for.

    Pruning may change the predicted class; the heat maps before and after it are of one class, so that their boxes
    can be compared (Attend Who is Weak, Algorithm 3). It is the ``prepare_batch`` of a ``ForgettingEvaluator`` whose
    inferer is a :class:`~htl_monai.engines.heat_map_inferer.HeatMapInferer`.
    The batch has ``image`` ``(N, C, H, W)`` and ``label``, the numbers of the classes, ``(N,)``.
    """
    images = batchdata[Keys.IMAGE].to(device=device, non_blocking=non_blocking, **kwargs)
    return images, None, (), {"class_index": batchdata[Keys.LABEL]}
