"""Models that call bright what is bright, so that their masks are known, and pictures for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, ScaleIntensityRanged
from torch import nn

from htl_monai.engines.restored_task import RestoredTask
from htl_monai.models.model import Model
from htl_monai.pruning import GlobalMagnitude
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.task import Task

BOTH = ("image", "label")


class Bright(nn.Module):
    """Logits above 0 where the mean of the channels is, and nowhere when it is pruned."""

    def __init__(self, spatial_dims: int) -> None:
        super().__init__()
        self.mix = (nn.Conv2d if spatial_dims == 2 else nn.Conv3d)(1, 1, 1, bias=False)
        nn.init.ones_(self.mix.weight)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.mix(image.mean(dim=1, keepdim=True))


@pytest.fixture
def model_of(tmp_path: Path) -> Callable[..., Model]:
    """Return a function that makes a model of steps after reading; values of 0 and 255 become -1 and 1."""

    def make(
        steps: Sequence[Any] = (), postprocessing: Any = None, reader: Sequence[Any] | None = None, dims: int = 2
    ) -> Model:
        if reader is None:
            reader = [LoadImaged(BOTH, allow_missing_keys=True), EnsureChannelFirstd(BOTH, allow_missing_keys=True)]
        scaled = ScaleIntensityRanged("image", 0, 255, -1, 1)
        labels = ScaleIntensityRanged("label", 0, 255, 0, 1, allow_missing_keys=True)
        model = Model(tmp_path, tmp_path / "model.pt", device_name="cpu")
        parts = {"preprocessing": Compose([*reader, scaled, labels, *steps]), "postprocessing": postprocessing}
        model.__dict__.update(parts, network=Bright(dims), inferer=SimpleInferer())
        return model

    return make


@pytest.fixture
def drawn_of() -> Callable[..., dict[str, Drawn]]:
    """Return a function that makes the dense and the pruned network of a model."""

    def make(model: Model, task: Task | None = None, restored: bool = True) -> dict[str, Drawn]:
        known = task or BinarySegmentation()
        said = RestoredTask(known, model) if restored else known
        return {
            "dense": Drawn(model, said, "dense network"),
            "pruned": Drawn(model, said, "pruned network", "pruned", 0.9, GlobalMagnitude()),
        }

    return make


def extent(outline: Sequence[Sequence[float]]) -> list[float]:
    """Return the least and the largest x and y of an outline."""
    points = np.array(outline)
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


@pytest.fixture(name="extent")
def extent_of() -> Callable[..., list[float]]:
    """See :func:`extent`."""
    return extent
