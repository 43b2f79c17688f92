"""Keeping the network of the best epoch."""

from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Engine, Events
from torch import nn

from htl_monai.handlers.best_epoch import BestNetwork


def test_only_a_new_best_is_saved(network: nn.Module, build_evaluator, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    evaluator = build_evaluator(network)
    quality = {1: 0.2, 2: 0.5, 3: 0.4, 4: 0.5, 5: 0.6}

    def score(engine: Engine) -> None:
        value = quality[engine.state.epoch]
        if value > engine.state.best_metric:
            engine.state.best_metric, engine.state.best_metric_epoch = value, engine.state.epoch

    evaluator.add_event_handler(Events.EPOCH_COMPLETED, score)
    handler = BestNetwork(network, path)
    handler.attach(evaluator)
    handler.attach(evaluator)
    saved = []
    for epoch in quality:
        with torch.no_grad():
            network[0].bias.fill_(epoch)
        evaluator.run(epoch)
        saved.append(torch.load(path, weights_only=True)["0.bias"][0].item())
    assert saved == [1, 2, 2, 2, 5]


def test_other_processes_write_nothing(network: nn.Module, build_evaluator, tmp_path: Path) -> None:
    evaluator = build_evaluator(network, [BestNetwork(network, tmp_path / "best.pt")])
    evaluator.state.rank = 1
    evaluator.state.best_metric_epoch = 1
    evaluator.run(1)
    assert not list(tmp_path.iterdir())
