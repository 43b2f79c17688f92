"""A trainer and an evaluator small enough to run in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.transforms import Compose, RandGaussianNoised
from torch import nn


def build_network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))


def build_items(count: int = 6) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, 8, 8, generator=generator)
    return [
        {"id": f"image_{number}", "image": image, "label": (image[:1] > 0.4 + 0.05 * number).float()}
        for number, image in enumerate(images)
    ]


def build_trainer(
    network: nn.Module,
    handlers: Sequence[Any] = (),
    max_epochs: int = 2,
    lr: float = 0.1,
    dataset: Dataset | None = None,
    num_workers: int = 0,
    **settings: Any,
) -> SupervisedTrainer:
    dataset = build_dataset() if dataset is None else dataset
    optimizer = settings.pop("optimizer", None) or torch.optim.SGD(network.parameters(), lr, momentum=0.9)
    sampler = settings.pop("sampler", None)
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=max_epochs,
        train_data_loader=DataLoader(
            dataset, batch_size=2, shuffle=sampler is None, sampler=sampler, num_workers=num_workers
        ),
        network=network,
        optimizer=optimizer,
        loss_function=lambda pred, label: nn.functional.cross_entropy(pred, label[:, 0].long()),
        train_handlers=list(handlers),
        decollate=False,
        **settings,
    )


def build_dataset() -> Dataset:
    return Dataset(build_items(), Compose([RandGaussianNoised("image", prob=0.5, std=0.1)]))


def build_evaluator(network: nn.Module, handlers: Sequence[Any] = (), **settings: Any) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(build_items(4), batch_size=2),
        network=network,
        val_handlers=list(handlers),
        decollate=False,
        **settings,
    )


@pytest.fixture(name="build_network")
def build_network_fixture():
    return build_network


@pytest.fixture(name="build_items")
def build_items_fixture():
    return build_items


@pytest.fixture(name="build_dataset")
def build_dataset_fixture():
    return build_dataset


@pytest.fixture(name="build_trainer")
def build_trainer_fixture():
    return build_trainer


@pytest.fixture(name="build_evaluator")
def build_evaluator_fixture():
    return build_evaluator


@pytest.fixture
def network() -> nn.Module:
    return build_network()
