"""The handler that writes predictions.npz, of a sweep and of a plain evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from torch import nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.predictions_writer import PredictionsWriter, predictions_of
from htl_monai.metrics.multi_label import class_probabilities
from htl_monai.pruning import GlobalMagnitude, pruned
from htl_monai.scores.predictions import read_predictions

CLASSES = ["Mass", "Hernia"]


@pytest.fixture
def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()


@pytest.fixture
def items(build_items) -> list[dict[str, Any]]:
    return [{"id": item["id"], "image": item["image"], "label": torch.zeros(2)} for item in build_items()]


def sweep(network: nn.Module, items: list[dict], handler: PredictionsWriter, sparsities: list) -> ForgettingEvaluator:
    loader, kind = DataLoader(items, batch_size=4), GlobalMagnitude()
    device = torch.device("cpu")
    evaluator = ForgettingEvaluator(
        device, loader, network, kind, sparsities, scores=class_probabilities, val_handlers=[handler]
    )
    handler.attach(evaluator)  # a second time
    return evaluator


def test_a_sweep_is_written_in_the_order_of_the_list_and_of_sparsity(
    classifier: nn.Module, items: list[dict], tmp_path: Path
) -> None:
    data = list(reversed(items))
    handler = PredictionsWriter(data, tmp_path / "predictions.npz", CLASSES, tmp_path / "sparsity.csv")
    evaluator = sweep(classifier, items, handler, [0.9, 0.5])
    evaluator.run()
    evaluator.run()  # nothing of the first run stays
    found = read_predictions(tmp_path / "predictions.npz")
    assert found.ids == tuple(item["id"] for item in data)
    assert found.classes == tuple(CLASSES) and found.sparsities == (0.0, 0.5, 0.9)
    assert found.probabilities.shape == (3, 6, 2) and found.probabilities.dtype == np.float32
    images = torch.stack([item["image"] for item in data])
    for sparsity in found.sparsities:
        with torch.no_grad(), pruned(classifier, GlobalMagnitude(sparsity).masks(classifier)):
            expected = torch.sigmoid(classifier(images)).numpy()
        np.testing.assert_allclose(found.at(sparsity), expected, atol=1e-6)
    assert set(pd.read_csv(tmp_path / "sparsity.csv")["amount"]) == {0.5, 0.9}
    np.testing.assert_array_equal(evaluator.state.predictions.probabilities, found.probabilities)


def test_a_plain_evaluator_writes_its_one_network(classifier: nn.Module, items: list[dict], tmp_path: Path) -> None:
    handler = PredictionsWriter(items, tmp_path / "predictions.npz", CLASSES, tmp_path / "sparsity.csv")
    loader = DataLoader(items, batch_size=4)
    SupervisedEvaluator(torch.device("cpu"), loader, classifier, val_handlers=[handler], decollate=False).run()
    found = read_predictions(tmp_path / "predictions.npz")
    with torch.no_grad():
        expected = torch.sigmoid(classifier(torch.stack([item["image"] for item in items]))).numpy()
    assert found.sparsities == (0.0,)
    np.testing.assert_allclose(found.at(0), expected, atol=1e-6)
    assert not (tmp_path / "sparsity.csv").exists()


def test_a_list_with_another_image_is_refused_and_nothing_written(
    classifier: nn.Module, items: list[dict], tmp_path: Path
) -> None:
    data = [*items, {"id": "stranger"}]
    with pytest.raises(ValueError, match="got none for 1 images, first stranger"):
        sweep(classifier, items, PredictionsWriter(data, tmp_path / "predictions.npz", CLASSES), [0.5]).run()
    assert not list(tmp_path.iterdir())


def test_what_is_repeated_counts_once() -> None:
    # Two processes whose sampler repeated image a, and a sparsity of 0 that the dense network is already.
    probabilities = np.array([[[0.1], [0.1], [0.9]], [[0.2], [0.2], [0.8]], [[0.1], [0.1], [0.9]]])
    found = predictions_of([{"id": "b"}, {"id": "a"}], ["a", "b", "a"], probabilities, ["Mass"], (0.0, 0.0, 0.9))
    assert found.ids == ("b", "a") and found.sparsities == (0.0, 0.9)
    np.testing.assert_allclose(found.probabilities[..., 0], [[0.2, 0.1], [0.8, 0.9]])


@pytest.mark.parametrize("swept", [True, False])
def test_an_image_whose_prediction_is_not_finite_is_named(
    classifier: nn.Module, items: list[dict], tmp_path: Path, swept: bool
) -> None:
    items[2]["image"][0, 0, 0] = torch.inf
    writer = PredictionsWriter(items, tmp_path / "predictions.npz", CLASSES)
    plain = SupervisedEvaluator(
        torch.device("cpu"), DataLoader(items, batch_size=4), classifier, val_handlers=[writer], decollate=False
    )
    evaluator = sweep(classifier, items, writer, [0.5]) if swept else plain
    with pytest.raises(FloatingPointError, match=f"must be finite, got NaN or infinity for {items[2]['id']}; use"):
        evaluator.run()
    assert not (tmp_path / "predictions.npz").exists()
