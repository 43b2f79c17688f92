"""Randomness drawn from seed and epoch alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events

from htl_monai.handlers.epoch_seed import EpochSeed


def draws(seed: int, epochs: int, dataset=None, attached: int = 1) -> list[tuple[float, float]]:
    drawn: list[tuple[float, float]] = []
    engine = Engine(lambda engine, batch: None)
    engine.state.rank = 0
    handler = EpochSeed(seed, dataset)
    for _ in range(attached):
        handler.attach(engine)
    engine.add_event_handler(
        Events.EPOCH_STARTED, lambda: drawn.append((torch.rand(1).item(), float(np.random.rand())))
    )
    engine.run([0], max_epochs=epochs)
    return drawn


def test_epochs_differ_and_runs_repeat() -> None:
    first = draws(seed=3, epochs=3)
    assert len(set(first)) == 3
    assert draws(seed=3, epochs=3, attached=2) == first
    assert not set(draws(seed=4, epochs=3)) & set(first)


def test_processes_draw_differently() -> None:
    drawn = []
    for rank in range(2):
        engine = Engine(lambda engine, batch: None)
        engine.state.rank, engine.state.epoch = rank, 5
        EpochSeed(1)(engine)
        drawn.append(torch.rand(1).item())
    assert drawn[0] != drawn[1]


def test_transforms_are_seeded(build_dataset) -> None:
    images = []
    for _ in range(2):
        dataset = build_dataset()
        draws(seed=3, epochs=1, dataset=dataset)
        images.append(torch.stack([dataset[index]["image"] for index in range(6)]))
    assert torch.equal(*images)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        EpochSeed(-1)
