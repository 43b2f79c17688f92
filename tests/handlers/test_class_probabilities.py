"""Class probabilities stand beside heat maps, picture by picture."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Events
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from torch import nn

from htl_monai.engines.heat_map_inferer import HeatMapInferer
from htl_monai.handlers.class_probabilities import ClassProbabilities


def evaluator(network: nn.Module, inferer: HeatMapInferer | None, images: torch.Tensor) -> SupervisedEvaluator:
    loader = DataLoader([{"image": image} for image in images], batch_size=2)
    handler = ClassProbabilities(network)
    engine = SupervisedEvaluator("cpu", loader, network, inferer=inferer, val_handlers=[handler, handler])
    engine.seen = []
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: engine.seen.extend(engine.state.output))
    return engine


@pytest.mark.parametrize("method", ["GradCAMPlusPlus", "ScoreCAM"])
def test_they_are_those_of_the_pictures_themselves(method: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    images = torch.rand(3, 3, 10, 12)
    engine = evaluator(network, HeatMapInferer(method=method, layer="1"), images)
    engine.run()
    expected = torch.softmax(network(images), dim=1)
    torch.testing.assert_close(torch.stack([item["class_prob"] for item in engine.seen]), expected)
    assert [tuple(item["pred"].shape) for item in engine.seen] == [(1, 10, 12)] * 3
    assert not network._forward_hooks


def test_a_network_that_segments_is_refused() -> None:
    engine = evaluator(nn.Conv2d(3, 2, 1), None, torch.rand(2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"network must return logits \(N, C\), got \(2, 2, 4, 5\)"):
        engine.run()
