"""A training whose loss is no number stops at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from htl_monai.handlers.stop_on_bad_loss import StopOnBadLoss
from htl_monai.handlers.training_checkpoint import TrainingCheckpoint


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_a_bad_loss_stops_before_a_checkpoint(network: nn.Module, build_trainer, tmp_path: Path, bad: str) -> None:
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    checkpoint = TrainingCheckpoint(tmp_path / "checkpoint.pt", network, optimizer)
    trainer = build_trainer(network, [StopOnBadLoss(), checkpoint], optimizer=optimizer)
    plain_loss = trainer.loss_function

    def loss(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return plain_loss(pred, label) * (float(bad) if trainer.state.iteration == 2 else 1.0)

    trainer.loss_function = loss
    with pytest.raises(FloatingPointError, match=f"loss is {bad} in epoch 1, iteration 2; lower learning_rate"):
        trainer.run()
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_good_loss_passes(network: nn.Module, build_trainer) -> None:
    handler = StopOnBadLoss()
    trainer = build_trainer(network, [handler])
    handler.attach(trainer)
    trainer.run()
    assert trainer.state.epoch == 2
