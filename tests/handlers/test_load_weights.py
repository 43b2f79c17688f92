"""Loading weights when an engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from htl_monai.handlers.load_weights import LoadWeights
from htl_monai.networks.weights import save_weights


def test_weights_are_there_when_the_run_starts(build_network, build_evaluator, tmp_path: Path) -> None:
    saved, network = build_network(1), build_network(2)
    handler = LoadWeights(save_weights(saved, tmp_path / "dense.pt"), {"model": network})
    evaluator = build_evaluator(network, [handler])
    handler.attach(evaluator)
    assert not torch.equal(network[0].weight, saved[0].weight)
    evaluator.run()
    assert all(torch.equal(saved.state_dict()[name], tensor) for name, tensor in network.state_dict().items())


def test_weights_of_another_network_stop_the_run(network: nn.Module, build_evaluator, tmp_path: Path) -> None:
    path = save_weights(nn.Linear(2, 2), tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other.pt is of another network than Sequential"):
        build_evaluator(network, [LoadWeights(path, {"model": network})]).run()
