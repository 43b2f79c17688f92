"""Localizes in pictures that were read already, at their own size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.data import MetaTensor
from torch import Tensor

from htl_monai.engines.heat_map_inferer import HeatMapInferer
from htl_monai.models.find_model import find_model
from htl_monai.models.model import Model
from htl_monai.networks.first_output import first_output
from htl_monai.tasks.finite import are_finite

__all__ = ["Localized", "explains", "load_localizer", "localize", "prepare"]

# These say what is in an image, and not where.
_CLASSIFIERS = ("chest_xray_long_tail",)


@dataclass(frozen=True)
class Localized:
    """What a network says of one picture, at the size that it was prepared from and on the CPU.

    Args:
        scores: probabilities of background and lesion ``(2, H, W)``, or a heat map in [0, 1] ``(1, H, W)``.
        class_prob: (C,) probabilities of the picture's classes; None where the network segments.
        finite: whether the network's output was; if not, the rest says nothing.
    """

    scores: Tensor
    class_prob: Tensor | None = None
    finite: bool = True


def load_localizer(model: str | os.PathLike[str], device: str | torch.device) -> Model:
    """Find a model and build it as its inference config says, so that masks equal those of the bundle's own run.

    Raises:
        FileNotFoundError: the model, its config or the checkpoint does not exist.
        ValueError: it only classifies, the device is not there, there is no way back to the picture's size, or the
            weights are those of another network.
    """
    found = find_model(model, device_name=str(device), images_only=True)
    if found.bundle.name in _CLASSIFIERS:
        raise ValueError(
            f"model must be one that localizes, got {model} of {found.bundle.name}, which classifies whole images; "
            "use htl audit, or the run id inference of the bundle"
        )
    found.configs.leave_out("LoadImage")  # pictures are read already, and MONAI's warns of each reader that is missing
    _ = found.network, found.restoring, found.image_key
    return found


def explains(model: Model) -> bool:
    """Tell whether a model localizes by heat maps of a class."""
    return isinstance(model.inferer, HeatMapInferer)


def prepare(model: Model, picture: np.ndarray) -> MetaTensor:
    """Return the network's input (3, h, w) for an (H, W, 3) uint8 picture."""
    return model.prepare({"image": MetaTensor(picture.astype(np.float32))})[model.image_key]


def localize(model: Model, prepared: Sequence[MetaTensor]) -> Iterator[Localized]:
    """Yield what the network says of each prepared picture; one of them at a time is brought to its size."""
    batch = torch.stack([image.as_tensor() for image in prepared])
    with first_output(model.network) as said:
        outputs = model.predict({model.image_key: batch})["pred"].float().cpu()
    classes = torch.softmax(said[0].float(), dim=1).cpu() if explains(model) else [None] * len(outputs)
    finite = are_finite(outputs).tolist()
    for image, pred, class_prob, is_finite in zip(prepared, outputs, classes, finite, strict=True):
        scores = model.restore({model.image_key: image, "pred": MetaTensor(pred)})["pred"].as_tensor()
        yield Localized(scores, class_prob, is_finite)
