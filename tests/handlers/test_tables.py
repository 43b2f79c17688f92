"""The handlers that write forgetting.csv and scores.csv."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader
from torch import nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.forgetting_table import ForgettingTable
from htl_monai.handlers.scores_table import ScoresTable
from htl_monai.metrics.segmentation import segmentation_scores
from htl_monai.pruning import GlobalMagnitude


def miner(network: nn.Module, items: list[dict], handler: ForgettingTable) -> ForgettingEvaluator:
    evaluator = ForgettingEvaluator(
        torch.device("cpu"),
        DataLoader(items, batch_size=4),
        network,
        GlobalMagnitude(),
        [0.5, 0.9],
        val_handlers=[handler],
    )
    handler.attach(evaluator)  # a second time
    return evaluator


def test_forgetting_is_written_with_metadata_and_real_sparsity(network: nn.Module, build_items, tmp_path: Path) -> None:
    data = [{"id": item["id"], "image": "x.jpg", "age": 30.0 + number} for number, item in enumerate(build_items())]
    handler = ForgettingTable(data, tmp_path / "forgetting.csv", "background_iou", tmp_path / "sparsity.csv")
    evaluator = miner(network, build_items(), handler)
    evaluator.run()
    table = pd.read_csv(tmp_path / "forgetting.csv")
    assert len(table) == 12 and table.columns[:4].tolist() == ["id", "age", "whole_image_iou", "sparsity"]
    assert (table["forgetting"] == table["background_iou_dense"] - table["background_iou_pruned"]).all()
    pd.testing.assert_frame_equal(table, evaluator.state.forgetting, check_dtype=False)
    sparsity = pd.read_csv(tmp_path / "sparsity.csv")
    assert set(sparsity["amount"]) == {0.5, 0.9}
    evaluator.run()  # nothing of the first run stays
    assert len(evaluator.state.forgetting) == 12


def test_the_table_may_stay_in_memory(network: nn.Module, build_items, tmp_path: Path) -> None:
    evaluator = miner(network, build_items(), ForgettingTable(build_items()))
    evaluator.run()
    assert len(evaluator.state.forgetting) == 12 and not list(tmp_path.iterdir())


def test_a_list_with_another_image_is_refused_and_nothing_written(
    network: nn.Module, build_items, tmp_path: Path
) -> None:
    data = [*build_items(), {"id": "stranger"}]
    with pytest.raises(ValueError, match="got none for 1 images, first stranger"):
        miner(network, build_items(), ForgettingTable(data, tmp_path / "forgetting.csv")).run()
    assert not list(tmp_path.iterdir())


def test_scores_are_those_of_each_image(network: nn.Module, build_items, build_evaluator, tmp_path: Path) -> None:
    handler = ScoresTable(build_items(4), tmp_path / "scores.csv")
    evaluator = build_evaluator(network, [handler])
    handler.attach(evaluator)
    evaluator.run()
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table["id"].tolist() == [f"image_{number}" for number in range(4)]
    network.eval()
    for item, score in zip(build_items(4), table["foreground_dice"], strict=True):
        with torch.no_grad():
            expected = segmentation_scores(network(item["image"][None]), item["label"][None])["foreground_dice"]
        assert score == pytest.approx(expected.item(), nan_ok=True)


def test_an_image_whose_prediction_is_not_finite_is_named_and_nothing_written(build_items, tmp_path: Path) -> None:
    batch = next(iter(DataLoader(build_items(), batch_size=4)))
    pred = torch.zeros(4, 2, *batch["label"].shape[2:])
    pred[2, 1, 0, 0] = torch.inf
    engine = Engine(lambda engine, batch: {"pred": pred, "label": batch["label"]})
    ScoresTable(build_items(), tmp_path / "scores.csv").attach(engine)
    with pytest.raises(FloatingPointError, match=f"output of the dense network must be .* for {batch['id'][2]}; use"):
        engine.run([batch])
    assert not list(tmp_path.iterdir())
