"""Pruning for the length of a run."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine, Events
from monai.handlers import StatsHandler
from torch import nn

from htl_monai.handlers.prune_during_run import PruneDuringRun
from htl_monai.pruning import GlobalMagnitude

pytestmark = pytest.mark.filterwarnings("ignore:the root logger is set")


def zeros(network: nn.Module) -> int:
    return sum(int((layer.weight == 0).sum()) for layer in (network[0], network[3]))


@pytest.fixture
def seen(network: nn.Module) -> list[int]:
    """Filled by ``watch``: the number of zero weights at each iteration."""
    return []


def watch(engine: Engine, network: nn.Module, seen: list[int]) -> None:
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: seen.append(zeros(network)))


def test_the_run_sees_the_pruned_network_and_leaves_the_dense_one(
    network: nn.Module, seen: list[int], build_evaluator
) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    handler = PruneDuringRun(network, GlobalMagnitude(0.5))
    evaluator = build_evaluator(network, [handler])
    handler.attach(evaluator)  # a second time
    watch(evaluator, network, seen)
    evaluator.run()
    evaluator.run()
    n_weights = network[0].weight.numel() + network[3].weight.numel()
    assert seen == [n_weights // 2] * 4
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("how", ["error", "terminate"])
def test_the_weights_come_back_when_the_run_breaks_off(network: nn.Module, build_evaluator, how: str) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluator = build_evaluator(
        network, [PruneDuringRun(network, GlobalMagnitude(0.5)), StatsHandler(iteration_log=False)]
    )

    def stop(engine: Engine) -> None:
        assert zeros(network) > 0
        if how == "terminate":
            engine.terminate()
        else:
            raise ArithmeticError("broken batch")

    evaluator.add_event_handler(Events.ITERATION_COMPLETED, stop)
    if how == "error":
        with pytest.raises(ArithmeticError, match="broken batch"):
            evaluator.run()
    else:
        evaluator.run()
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
