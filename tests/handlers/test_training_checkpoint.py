"""A training that was interrupted and resumed ends as one that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from ignite.engine import Engine, Events
from monai.handlers import LrScheduleHandler, ValidationHandler
from torch import nn

from htl_monai.handlers.best_epoch import BestNetwork
from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.handlers.epoch_seed import EpochSeed
from htl_monai.handlers.training_checkpoint import TrainingCheckpoint
from htl_monai.networks.weights import save_weights

# The validation score of each epoch: the best is the second.
QUALITY = {1: 0.5, 2: 0.8, 3: 0.6, 4: 0.7}


class Killed(Exception):
    pass


@pytest.fixture
def train(build_network, build_dataset, build_trainer, build_evaluator):
    """Train as the bundle does, from another initial network each time, and optionally stop inside an epoch."""
    seeds = iter(range(100))

    def run(folder: Path, stop_in: int | None = None, num_workers: int = 0, **changes: Any) -> nn.Module:
        network, dataset = build_network(changes.pop("seed", next(seeds))), build_dataset()
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3], gamma=0.3)
        validator = build_evaluator(network)

        def score(engine: Engine) -> None:  # stands for a key metric, which MONAI compares in the same way
            value = QUALITY[engine.state.epoch]
            engine.state.metrics["quality"] = value
            if value > engine.state.best_metric:
                engine.state.best_metric, engine.state.best_metric_epoch = value, engine.state.epoch

        validator.add_event_handler(Events.EPOCH_COMPLETED, score)
        BestNetwork(network, folder / "dense.pt").attach(validator)
        checkpoint = TrainingCheckpoint(
            folder / "checkpoint.pt", network, optimizer, schedule, validator, changes.pop("initial_weights", None)
        )
        handlers = [
            EpochSeed(7, dataset),
            LrScheduleHandler(schedule, print_lr=False),
            ValidationHandler(1, validator),
            EpochLog(folder / "epochs.csv", validator),
            checkpoint,
        ]
        trainer = build_trainer(
            network, handlers, dataset=dataset, optimizer=optimizer, max_epochs=4, num_workers=num_workers
        )
        checkpoint.attach(trainer)  # a second time: nothing must happen twice
        if stop_in is not None:

            def stop(engine: Engine) -> None:
                if engine.state.epoch == stop_in:
                    raise Killed

            trainer.add_event_handler(Events.ITERATION_COMPLETED, stop)
            with pytest.raises(Killed):
                trainer.run()
        else:
            trainer.run()
        return network

    return run


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def assert_equal(state_a: dict, state_b: dict) -> None:
    assert state_a.keys() == state_b.keys()
    assert all(torch.equal(state_a[key], state_b[key]) for key in state_a)


@pytest.mark.parametrize(("stops", "num_workers"), [([2], 0), ([3], 2), ([1, 3, 4], 0)])
def test_interrupted_and_resumed_is_bit_for_bit_undisturbed(
    train, tmp_path: Path, stops: list[int], num_workers: int
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    save_weights(train(tmp_path / "start", stop_in=1), tmp_path / "initial.pt")
    start = {"initial_weights": tmp_path / "initial.pt", "num_workers": num_workers}
    undisturbed = train(tmp_path / "a", **start)
    for stop in stops:
        train(tmp_path / "b", stop_in=stop, **start)
    resumed = train(tmp_path / "b", **start)
    assert_equal(undisturbed.state_dict(), resumed.state_dict())
    assert_equal(tensors(tmp_path / "a" / "dense.pt"), tensors(tmp_path / "b" / "dense.pt"))
    assert (tmp_path / "a" / "epochs.csv").read_bytes() == (tmp_path / "b" / "epochs.csv").read_bytes()
    log = pd.read_csv(tmp_path / "a" / "epochs.csv")
    assert log["epoch"].tolist() == [1, 2, 3, 4] and log["quality"].tolist() == list(QUALITY.values())
    assert log["learning_rate"].tolist() == pytest.approx([0.1, 0.1, 0.03, 0.009])


def test_a_worse_epoch_after_the_resumption_leaves_the_best_network(train, tmp_path: Path) -> None:
    train(tmp_path, stop_in=3)  # epoch 2, the best, is saved
    best = (tmp_path / "dense.pt").read_bytes()
    final = train(tmp_path)
    assert (tmp_path / "dense.pt").read_bytes() == best
    assert not torch.equal(final.state_dict()["0.weight"], tensors(tmp_path / "dense.pt")["0.weight"])


def test_a_finished_training_trains_no_more(train, tmp_path: Path) -> None:
    first = train(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    assert_equal(first.state_dict(), train(tmp_path).state_dict())
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_checkpoint_goes_before_initial_weights(train, build_network, tmp_path: Path) -> None:
    first = train(tmp_path)
    save_weights(build_network(50), tmp_path / "initial.pt")
    again = train(tmp_path, initial_weights=tmp_path / "initial.pt")
    assert_equal(first.state_dict(), again.state_dict())


def test_a_checkpoint_of_another_network_is_refused(train, build_trainer, build_network, tmp_path: Path) -> None:
    train(tmp_path)
    network = nn.Sequential(*build_network(), nn.Conv2d(2, 2, 1))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    handler = TrainingCheckpoint(tmp_path / "checkpoint.pt", network, optimizer)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(ValueError, match="checkpoint.pt is of another network or optimizer; delete it to start anew"):
        build_trainer(network, [handler], optimizer=optimizer).run()
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_initial_weights_of_another_network_are_refused(train, tmp_path: Path) -> None:
    save_weights(nn.Conv2d(1, 1, 1), tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other.pt is of another network than Sequential"):
        train(tmp_path, initial_weights=tmp_path / "other.pt")
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("network", "0.weight"), torch.full((2, 2, 1, 1), torch.nan), "must hold finite numbers, got NaN .* in netw"),
        (("optimizer", "state", 0, "momentum_buffer"), torch.tensor([torch.inf]), "must hold finite numbers, got NaN"),
        (("network", "0.weight"), 3, "is of another network or optimizer; delete it to start anew"),
        (("network",), [], "is of another network or optimizer; delete it"),
        (("optimizer", "param_groups"), 1, "is of another network or optimizer; delete it"),
        (("lr_scheduler", "last_epoch"), "1", "is of another network or optimizer; delete it"),
        (("lr_scheduler", "step"), 3, "is of another network or optimizer; delete it"),
        (("epoch",), "1", "is of another network or optimizer; delete it"),
        (("best_metric",), None, "is of another network or optimizer; delete it"),
    ],
)
def test_a_damaged_checkpoint_is_refused(train, tmp_path: Path, keys: tuple[Any, ...], value: Any, words: str) -> None:
    train(tmp_path, stop_in=2)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    place = state
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=f"checkpoint.pt {words}"):
        train(tmp_path)
