"""Builds a trained network with its own pre- and postprocessing from a MONAI bundle."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import Compose, Invertd, LoadImage, LoadImaged
from torch import Tensor, nn

from htl_monai.networks.weights import load_weights

__all__ = ["DEFAULT_BUNDLE", "LocalizationModel", "load_model"]

_PACKAGE = Path(__file__).parents[1]
_BUNDLES = _PACKAGE / "bundle" if (_PACKAGE / "bundle").is_dir() else _PACKAGE.parent / "bundle"  # wheel or checkout
DEFAULT_BUNDLE = _BUNDLES / "lesion_localization"


class LocalizationModel:
    """A network between the transforms of its bundle: RGB pictures in, lesion probabilities of the same size out.

    Args:
        network: yields logits (N, C, h, w), in evaluation mode on ``device``.
        preprocessing: from (H, W, 3) under the key ``image`` to what the network takes.
        restoring: from logits under the key ``pred`` to probabilities of the original size.
        inferer: runs the network on a batch.
        device: where the network is.
    """

    def __init__(
        self, network: nn.Module, preprocessing: Compose, restoring: Compose, inferer: Inferer, device: torch.device
    ) -> None:
        self.network = network
        self.preprocessing = preprocessing
        self.restoring = restoring
        self.inferer = inferer
        self.device = device

    def prepare(self, picture: np.ndarray) -> MetaTensor:
        """Return the network's input (3, h, w) for an (H, W, 3) uint8 picture."""
        return self.preprocessing({"image": MetaTensor(picture.astype(np.float32))})["image"]

    @torch.no_grad()
    def probabilities(self, prepared: Sequence[MetaTensor]) -> list[Tensor]:
        """Return the class probabilities (C, H, W) at the original size of each prepared picture, on the CPU."""
        batch = torch.stack([image.as_tensor() for image in prepared]).to(self.device)
        outputs = self.inferer(batch, self.network).float().cpu()
        restored = (
            self.restoring({"image": image, "pred": MetaTensor(pred)})
            for image, pred in zip(prepared, outputs, strict=True)
        )
        return [item["pred"].as_tensor() for item in restored]


def load_model(
    model: str | os.PathLike[str], device: str | torch.device = "cpu", bundle: str | os.PathLike[str] | None = None
) -> LocalizationModel:
    """Build the network of a bundle's ``configs/inference.json`` and load its weights.

    The transforms are those of the config, all but reading and saving, so that masks equal those of
    ``python -m monai.bundle run inference``. A config is code: use only bundles that you trust. A checkpoint is not:
    it is read as plain tensors.

    Args:
        model: a bundle's folder with ``models/model.pt``, or a checkpoint of the same network: a state_dict, alone or
            under the key ``model``.
        device: "cpu", "cuda", "cuda:1", …
        bundle: the bundle that describes the network of a checkpoint; by default the one whose ``models`` folder holds
            it, else lesion_localization.

    Raises:
        FileNotFoundError: the folder, its config or the checkpoint does not exist.
        ValueError: the device is not there, the config has no Invertd, the file is no checkpoint, or it is one of
            another network; the message says which weights differ.
    """
    model, device = Path(model), _available(device)
    if not model.exists():
        raise FileNotFoundError(f"model must be a bundle's folder or a checkpoint, got {model}; check the path")
    if model.is_dir():
        folder, checkpoint = model, model / "models" / "model.pt"
    else:
        beside = model.resolve().parent.parent
        folder = Path(bundle or (beside if _config(beside).is_file() else DEFAULT_BUNDLE))
        checkpoint = model
    for path in (_config(folder), checkpoint):
        if not path.is_file():
            raise FileNotFoundError(f"model must come with {path}; train the bundle or name the right folder")
    parser = ConfigParser()
    parser.read_config(_config(folder))
    parser.config.update(bundle_root=str(folder), device=str(device))
    network = parser.get_parsed_content("network_def")
    load_weights(network, checkpoint)
    preprocessing, postprocessing = (parser.get_parsed_content(i) for i in ("preprocessing", "postprocessing"))
    return LocalizationModel(
        network.to(device).eval(),
        Compose([step for step in preprocessing.transforms if not isinstance(step, (LoadImaged, LoadImage))]),
        Compose(_until_invertd(postprocessing.transforms, folder)),
        parser.get_parsed_content("inferer"),
        device,
    )


def _config(folder: Path) -> Path:
    return folder / "configs" / "inference.json"


def _until_invertd(steps: Sequence[object], folder: Path) -> list[object]:
    for index, step in enumerate(steps):
        if isinstance(step, Invertd):
            return list(steps[: index + 1])
    raise ValueError(f"postprocessing of {_config(folder)} must hold Invertd, got none; add it after the softmax")


def _available(device: str | torch.device) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device must be one of this machine, got {device}; use cpu") from error
