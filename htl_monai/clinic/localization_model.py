"""Builds a trained network with its own pre- and postprocessing from a MONAI bundle."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import Compose, Invertd, LoadImage, LoadImaged
from torch import Tensor, nn

from htl_monai.engines.heat_map_inferer import HeatMapInferer
from htl_monai.metrics.finite import are_finite
from htl_monai.models.bundles import bundle_config
from htl_monai.models.classes import class_entries
from htl_monai.models.trained_model import find_model
from htl_monai.networks.first_output import FirstOutput
from htl_monai.networks.weights import load_weights

__all__ = ["Localized", "LocalizationModel", "load_model"]


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


class LocalizationModel:
    """A network between the transforms of its bundle: RGB pictures in, what was localized at the same size out.

    Args:
        network: yields logits (N, 2, h, w), or (N, C) where the inferer returns heat maps; in evaluation mode on
            ``device``.
        preprocessing: from (H, W, 3) under the key ``image`` to what the network takes.
        restoring: from what the inferer returns under the key ``pred`` to the original size.
        inferer: runs the network on a batch.
        device: where the network is.
        threshold: of heat maps, see :func:`~htl_monai.metrics.localization.foreground_mask`.
        classes: the names of the classes; None where they are not known.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Compose,
        restoring: Compose,
        inferer: Inferer,
        device: torch.device,
        threshold: float = 180,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.network = network
        self.preprocessing = preprocessing
        self.restoring = restoring
        self.inferer = inferer
        self.device = device
        self.threshold = threshold
        self.classes = classes

    @property
    def explains(self) -> bool:
        """Whether it localizes by heat maps of a class."""
        return isinstance(self.inferer, HeatMapInferer)

    def prepare(self, picture: np.ndarray) -> MetaTensor:
        """Return the network's input (3, h, w) for an (H, W, 3) uint8 picture."""
        return self.preprocessing({"image": MetaTensor(picture.astype(np.float32))})["image"]

    @torch.no_grad()
    def localize(self, prepared: Sequence[MetaTensor]) -> Iterator[Localized]:
        """Yield what the network says of each prepared picture; one of them at a time is brought to its size."""
        batch = torch.stack([image.as_tensor() for image in prepared]).to(self.device)
        with FirstOutput(self.network) as first:
            outputs = self.inferer(batch, self.network).float().cpu()
        classes = torch.softmax(first.output.float(), dim=1).cpu() if self.explains else [None] * len(outputs)
        finite = are_finite(outputs).tolist()
        for image, pred, class_prob, is_finite in zip(prepared, outputs, classes, finite, strict=True):
            scores = self.restoring({"image": image, "pred": MetaTensor(pred)})["pred"].as_tensor()
            yield Localized(scores, class_prob, is_finite)


def load_model(model: str | os.PathLike[str], device: str | torch.device = "cpu") -> LocalizationModel:
    """Build the network of a bundle's ``configs/inference.json`` and load its weights.

    The transforms are those of the config, all but reading and saving, so that masks equal those of
    ``python -m monai.bundle run inference``. A bundle's config is code: name only bundles that you trust. A checkpoint
    is not, nor is what lies beside it: it is read as plain tensors, and its record as plain values.

    Args:
        model: a bundle's name or folder, a run's folder, or a checkpoint, see
            :func:`htl_monai.models.trained_model.find_model`.
        device: "cpu", "cuda", "cuda:1", …

    Raises:
        FileNotFoundError: the model, its config or the checkpoint does not exist.
        ValueError: the device is not there, the config has no Invertd, the file is no checkpoint, or it is one of
            another network or other classes; the message says which weights differ.
    """
    trained, device = find_model(model), _available(device)
    parser = ConfigParser()
    parser.read_config(bundle_config(trained.bundle, "inference.json"))
    parser.config.update(trained.entries | trained.heat_maps | class_entries(trained))
    parser.config.update(bundle_root=str(trained.bundle), device=str(device))
    _disable_loading(parser.config.get("preprocessing"))
    network = parser.get_parsed_content("network_def")
    load_weights(network, trained.weights)
    preprocessing, postprocessing = (parser.get_parsed_content(i) for i in ("preprocessing", "postprocessing"))
    return LocalizationModel(
        network.to(device).eval(),
        Compose([step for step in preprocessing.transforms if not isinstance(step, (LoadImaged, LoadImage))]),
        Compose(_until_invertd(postprocessing.transforms, trained.bundle)),
        parser.get_parsed_content("inferer"),
        device,
        parser.get_parsed_content("cam_threshold", default=180),
        parser.get_parsed_content("classes", default=None),
    )


def _disable_loading(preprocessing: Any) -> None:
    """Do not build what reads files: it is not used here, and MONAI's warns of every reader that is not installed."""
    steps = preprocessing.get("transforms") if isinstance(preprocessing, dict) else None
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and str(step.get("_target_")).rpartition(".")[2] in ("LoadImage", "LoadImaged"):
            step["_disabled_"] = True


def _until_invertd(steps: Sequence[Callable], folder: Path) -> list[Callable]:
    for index, step in enumerate(steps):
        if isinstance(step, Invertd):
            return list(steps[: index + 1])
    raise ValueError(f"postprocessing of {folder}/configs/inference.json must hold Invertd, got none; add it")


def _available(device: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device must be one of this machine's, got {device}; use cpu") from error
