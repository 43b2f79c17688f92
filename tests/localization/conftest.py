"""Two small networks whose heat maps differ from image to image: one segments, one classifies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, SemanticSegmentationTarget
from torch import Tensor, nn


@pytest.fixture
def classifier() -> nn.Module:
    """A seeded classifier of three classes whose batch norm has seen data, in eval mode."""
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 16),
        nn.ReLU(),
        nn.Linear(16, 3),
    )
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(4, 3, 48, 64))
    return network.eval()


@pytest.fixture
def images() -> Tensor:
    """Four images, each with a bright patch at a place of its own."""
    images = torch.rand(4, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    for i, image in enumerate(images):
        image[:, 4 + 9 * i : 16 + 9 * i, 50 - 12 * i : 62 - 12 * i] += 1 + 0.2 * i
    return images


@pytest.fixture
def reference() -> Callable[..., Tensor]:
    """Return the package's own maps, one call an image."""

    def maps(method: str, layer: str, images: Tensor, network: nn.Module, classes: list[int] | None = None) -> Tensor:
        result = []
        for i, image in enumerate(images):
            with torch.no_grad():
                (output,) = network(image[None])
            if output.ndim == 3:
                target = SemanticSegmentationTarget(1, (output[1] > output[0]).float().numpy())
            else:
                target = ClassifierOutputTarget(int(output.argmax()) if classes is None else classes[i])
            with getattr(pytorch_grad_cam, method)(network, [network.get_submodule(layer)]) as cam:
                result.append(cam(image[None].clone(), [target]))
        network.zero_grad()
        return torch.from_numpy(np.stack(result))

    return maps


@pytest.fixture
def unchanged() -> Callable:
    """Return a context manager that fails if a block changes anything of a network that a later step could see."""

    def state(network: nn.Module) -> dict:
        modules = dict(network.named_modules())
        return {
            "weights": {name: tensor.clone() for name, tensor in network.state_dict().items()},
            "versions": [(tensor.data_ptr(), tensor._version) for tensor in network.state_dict().values()],
            "modes": {name: module.training for name, module in modules.items()},
            "hooks": {name: (len(m._forward_hooks), len(m._forward_pre_hooks)) for name, m in modules.items()},
            "learning": [parameter.requires_grad for parameter in network.parameters()],
            "grads": [
                parameter.grad if parameter.grad is None else parameter.grad.clone()
                for parameter in network.parameters()
            ],
        }

    @contextmanager
    def check(network: nn.Module) -> Iterator[None]:
        before = state(network)
        try:
            yield
        finally:
            torch.testing.assert_close(state(network), before, rtol=0, atol=0)

    return check
