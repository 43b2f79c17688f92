"""Mining again during a training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader
from torch import nn

from htl_monai.attention.attend import PolicySampler
from htl_monai.attention.remine import Remine
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.epoch_seed import EpochSeed
from htl_monai.handlers.remining import Remining
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.handlers.training_checkpoint import TrainingCheckpoint
from htl_monai.pruning import GlobalMagnitude
from htl_monai.ranking.forgetting import Forgetting
from htl_monai.tasks.binary_segmentation import BinarySegmentation


class Killed(Exception):
    pass


@pytest.fixture
def train(build_network, build_items, build_dataset, build_trainer):
    """Train six epochs, mining before epochs 2 and 4; return the sampler's weights in each epoch and the network."""

    def run(folder: Path, stop_in: int | None = None) -> tuple[dict[int, list[float]], nn.Module]:
        network, dataset, data = build_network(0), build_dataset(), build_items()
        optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
        sampler = PolicySampler(dataset, data, Remine(remine_every=2), {}, len(data), 5, seed=5)
        selection = folder / "htl.json"
        selection.write_text('{"data": [], "rule": {"ranking": "forgetting", "options": {"level": 0.9}}}')
        writer = ScoresWriter(data, folder / "remined.nc", tables=False)
        miner = ForgettingEvaluator(
            torch.device("cpu"),
            DataLoader(data, batch_size=3),
            network,
            GlobalMagnitude(),
            [0.9],
            BinarySegmentation(),
            val_handlers=[writer],
        )
        remining = Remining(miner, sampler, selection, folder / "remined.nc", start=2)
        handlers = [
            EpochSeed(1, dataset),
            TrainingCheckpoint(folder / "checkpoint.pt", network, optimizer),
            remining,
        ]
        trainer = build_trainer(network, handlers, 5, dataset=dataset, optimizer=optimizer, sampler=sampler)
        remining.attach(trainer)  # a second time
        weights: dict[int, list[float]] = {}

        def note(engine: Engine) -> None:
            weights[engine.state.epoch] = sampler.policy.weights(sampler.hardness)
            if engine.state.epoch == stop_in:
                raise Killed

        trainer.add_event_handler(Events.EPOCH_STARTED, note)
        if stop_in is None:
            trainer.run()
        else:
            with pytest.raises(Killed):
                trainer.run()
        assert miner.state.scores is not None
        if stop_in is None:
            assert sampler.hardness == Forgetting(level=0.9)(miner.state.scores).tolist()
        return weights, network

    return run


def test_weights_change_every_interval(train, tmp_path: Path) -> None:
    weights, _ = train(tmp_path)
    assert weights[1] == [1.0] * 6
    assert weights[2] == weights[3] != weights[1]
    assert weights[4] == weights[5] != weights[3]


@pytest.mark.parametrize("stop_in", [3, 4])
def test_a_resumed_training_knows_the_last_weights(train, tmp_path: Path, stop_in: int) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    weights, network = train(tmp_path / "a")
    first, _ = train(tmp_path / "b", stop_in=stop_in)
    rest, resumed = train(tmp_path / "b")
    assert min(rest) == stop_in
    assert {**first, **rest} == weights
    state = resumed.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_a_start_that_counts_no_epochs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start must be at least 1, got 0; count in epochs"):
        Remining(None, None, tmp_path, tmp_path, start=0)
