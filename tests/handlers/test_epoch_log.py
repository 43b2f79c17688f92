"""The table of a training's course."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from ignite.engine import Events
from monai.handlers import ValidationHandler
from torch import nn

from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.handlers.training_checkpoint import TrainingCheckpoint


def test_rows_hold_mean_loss_rate_and_metrics(network: nn.Module, build_trainer, tmp_path: Path) -> None:
    losses: dict[int, list[float]] = {1: [], 2: []}
    handler = EpochLog(tmp_path / "epochs.csv")
    trainer = build_trainer(network, [handler])
    handler.attach(trainer)  # a second time
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: losses[engine.state.epoch].append(engine.state.output["loss"].item())
    )
    trainer.run()
    log = pd.read_csv(tmp_path / "epochs.csv")
    assert log["epoch"].tolist() == [1, 2]
    assert log["loss"].tolist() == pytest.approx([sum(losses[1]) / 3, sum(losses[2]) / 3])
    assert log["learning_rate"].tolist() == [0.1, 0.1]


def test_an_epoch_without_validation_has_empty_metrics(
    network: nn.Module, build_trainer, build_evaluator, tmp_path: Path
) -> None:
    validator = build_evaluator(network)
    validator.add_event_handler(
        Events.EPOCH_COMPLETED, lambda engine: engine.state.metrics.update(quality=engine.state.epoch / 10)
    )
    handlers = [ValidationHandler(2, validator), EpochLog(tmp_path / "epochs.csv", validator)]
    build_trainer(network, handlers, max_epochs=5).run()
    quality = pd.read_csv(tmp_path / "epochs.csv")["quality"]
    assert quality.isna().tolist() == [True, False, True, False, True]
    assert quality.dropna().tolist() == [0.2, 0.4]


def test_a_new_training_starts_a_new_table(network: nn.Module, build_trainer, tmp_path: Path) -> None:
    build_trainer(network, [EpochLog(tmp_path / "epochs.csv")], max_epochs=3).run()
    build_trainer(network, [EpochLog(tmp_path / "epochs.csv")], max_epochs=1).run()
    assert pd.read_csv(tmp_path / "epochs.csv")["epoch"].tolist() == [1]


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_a_bad_loss_stops_before_a_checkpoint(network: nn.Module, build_trainer, tmp_path: Path, bad: str) -> None:
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.pt", network, optimizer)
    trainer = build_trainer(network, [EpochLog(tmp_path / "epochs.csv"), checkpoint], optimizer=optimizer)
    plain_loss = trainer.loss_function

    def loss(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return plain_loss(pred, label) * (float(bad) if trainer.state.iteration == 2 else 1.0)

    trainer.loss_function = loss
    with pytest.raises(FloatingPointError, match=f"loss is {bad} in epoch 1, iteration 2; lower learning_rate"):
        trainer.run()
    assert not list(tmp_path.iterdir())
