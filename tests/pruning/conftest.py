"""A small seeded network with every kind of layer that matters to pruning."""

from __future__ import annotations

import pytest
import torch
from torch import nn


def build_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 6, 2, stride=2),
        nn.Conv2d(6, 4, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    ).eval()


@pytest.fixture(name="build_network", scope="session")
def build_network_fixture():
    return build_network


@pytest.fixture
def network() -> nn.Module:
    return build_network()
