"""A training that gets no better ends, and ends alike when it was killed on the way."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from ignite.engine import Engine, Events
from monai.handlers import ValidationHandler
from torch import nn

from htl_monai.handlers.best_epoch import BestNetwork, EarlyStop
from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.handlers.epoch_seed import EpochSeed
from htl_monai.handlers.training_checkpoint import TrainingCheckpoint

# The validation loss of each epoch: the best is the third, so that patience 2 ends the training after the fifth.
LOSSES = [0.9, 0.7, 0.5, 0.6, 0.5, 0.4, 0.3, 0.2]


class Killed(Exception):
    pass


@pytest.fixture
def train(build_network, build_dataset, build_trainer, build_evaluator):
    """Train for up to eight epochs as the bundle does, and optionally stop at an event of an epoch."""
    seeds = iter(range(100))

    def run(folder: Path, stop_in: int | None = None, event: Events = Events.ITERATION_COMPLETED) -> nn.Module:
        folder.mkdir(exist_ok=True)
        network, dataset = build_network(next(seeds) if (folder / "checkpoint.pt").exists() else 0), build_dataset()
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        validator = build_evaluator(network)

        def score(engine: Engine) -> None:  # stands for a key metric with operator.lt, which MONAI compares alike
            loss = LOSSES[engine.state.epoch - 1]
            engine.state.metrics["val_loss"] = loss
            if engine.state.best_metric_epoch == -1 or loss < engine.state.best_metric:
                engine.state.best_metric, engine.state.best_metric_epoch = loss, engine.state.epoch

        validator.add_event_handler(Events.EPOCH_COMPLETED, score)
        BestNetwork(network, folder / "dense.pt").attach(validator)
        stopper = EarlyStop(validator, patience=2)
        handlers = [
            EpochSeed(7, dataset),
            ValidationHandler(1, validator),
            EpochLog(folder / "epochs.csv", validator),
            TrainingCheckpoint(folder / "checkpoint.pt", network, optimizer, validator=validator),
            stopper,
        ]
        trainer = build_trainer(network, handlers, dataset=dataset, optimizer=optimizer, max_epochs=8)
        stopper.attach(trainer)  # a second time: nothing must happen twice
        if stop_in is None:
            trainer.run()
            return network

        def stop(engine: Engine) -> None:
            if engine.state.epoch == stop_in:
                raise Killed

        trainer.add_event_handler(event, stop)
        with pytest.raises(Killed):
            trainer.run()
        return network

    return run


def epochs(folder: Path) -> list[int]:
    return pd.read_csv(folder / "epochs.csv")["epoch"].tolist()


def test_it_stops_after_as_many_epochs_without_a_new_best(train, tmp_path: Path) -> None:
    train(tmp_path)
    assert epochs(tmp_path) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("stop_in", "event"),
    [(2, Events.ITERATION_COMPLETED), (4, Events.ITERATION_COMPLETED), (5, Events.EPOCH_COMPLETED)],
)
def test_killed_and_resumed_it_stops_alike(train, tmp_path: Path, stop_in: int, event: Events) -> None:
    undisturbed = train(tmp_path / "a")
    train(tmp_path / "b", stop_in, event)
    resumed = train(tmp_path / "b")
    state, other = undisturbed.state_dict(), resumed.state_dict()
    assert all(torch.equal(state[key], other[key]) for key in state)
    for name in ("dense.pt", "epochs.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert epochs(tmp_path / "b") == [1, 2, 3, 4, 5]


def test_a_stopped_training_trains_no_more(train, tmp_path: Path) -> None:
    train(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    train(tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before and epochs(tmp_path) == [1, 2, 3, 4, 5]


def test_without_patience_it_is_refused(build_evaluator, network: nn.Module) -> None:
    with pytest.raises(ValueError, match="patience must be at least 1, got 0; give a number of epochs"):
        EarlyStop(build_evaluator(network), patience=0)
