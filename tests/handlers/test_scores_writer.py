"""The handler that writes scores.nc and its tables, of a sweep and of a plain evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from torch import nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.pruning import GlobalMagnitude, pruned
from htl_monai.ranking.rank_all import rank_all, why_not
from htl_monai.scores import at_level, read_scores
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.task import Task

CLASSES = ["Mass", "Hernia"]
FINDINGS, MASKS = MultilabelClassification(CLASSES), BinarySegmentation()


@pytest.fixture
def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()


@pytest.fixture
def labelled(build_items) -> list[dict[str, Any]]:
    return [{"id": item["id"], "image": item["image"], "label": torch.zeros(2)} for item in build_items()]


def sweep(
    network: nn.Module, items: list[dict], handler: ScoresWriter, sparsities: list, task: Task = MASKS
) -> ForgettingEvaluator:
    loader, kind = DataLoader(items, batch_size=4), GlobalMagnitude()
    evaluator = ForgettingEvaluator(
        torch.device("cpu"), loader, network, kind, sparsities, task, val_handlers=[handler]
    )
    handler.attach(evaluator)  # a second time
    return evaluator


def test_a_sweep_is_written_in_the_order_of_the_list_and_of_sparsity(
    classifier: nn.Module, labelled: list[dict], tmp_path: Path
) -> None:
    data = [{"id": item["id"], "age": 30 + i} for i, item in enumerate(reversed(labelled))]
    handler = ScoresWriter(data, tmp_path / "scores.nc", primary="probability")
    evaluator = sweep(classifier, labelled, handler, [0.9, 0.5], FINDINGS)
    evaluator.run()
    evaluator.run()  # nothing of the first run stays
    found = read_scores(tmp_path / "scores.nc")
    assert found["sample"].values.tolist() == [item["id"] for item in data] and found["age"].values[0] == 30
    assert found["level"].values.tolist() == [0, 0.5, 0.9] and found["class"].values.tolist() == CLASSES
    assert found["probability"].shape == (3, 6, 2) and found["probability"].dtype == np.float32
    assert found.attrs["compression"] == "GlobalMagnitude" and found.attrs["primary"] == "probability"
    images = torch.stack([item["image"] for item in reversed(labelled)])
    for level in found["level"].values:
        with torch.no_grad(), pruned(classifier, GlobalMagnitude(level).masks(classifier)):
            expected = torch.sigmoid(classifier(images)).numpy()
        np.testing.assert_allclose(at_level(found, level)["probability"], expected, atol=1e-6)
    assert set(pd.read_csv(tmp_path / "sparsity.csv")["amount"]) == {0.5, 0.9}
    assert evaluator.state.scores.identical(found)


def test_a_sweep_over_masks_has_a_ranking_of_the_level_nearest_to_the_usual_one(
    network: nn.Module, build_items, tmp_path: Path
) -> None:
    data = [{"id": item["id"], "image": "x.jpg", "age": 30.0 + number} for number, item in enumerate(build_items())]
    handler = ScoresWriter(data, tmp_path / "scores.nc", primary="dice")
    evaluator = sweep(network, build_items(), handler, [0.3, 0.6, 0.9])
    evaluator.run()
    found, table = evaluator.state.scores, pd.read_csv(tmp_path / "ranking.csv")
    pd.testing.assert_frame_equal(table, rank_all(found), check_dtype=False)
    assert (table["ranked_by"] == "relative_forgetting").all() and {"label_quality", "mask_change"} <= {*table}
    assert table.columns[-2:].tolist() == ["image", "age"] and found.attrs["labelled"] == 1
    dice = found["dice"].sel({"sample": table["id"].tolist(), "class": "foreground"})
    np.testing.assert_array_equal(table["dice"], dice.sel(level=0))
    lost = (dice.sel(level=0) - dice.sel(level=0.6)).where(dice.sel(level=0) > 0, np.inf)
    np.testing.assert_array_equal(table["forgetting"], lost)


def test_without_labels_no_disagreement_is_called_forgetting(network: nn.Module, build_items, tmp_path: Path) -> None:
    bare = [{key: value for key, value in item.items() if key != "label"} for item in build_items()]
    evaluator = sweep(network, bare, ScoresWriter(bare, tmp_path / "scores.nc"), [0.9])
    evaluator.prepare_batch = lambda batch, *_: (batch["image"], None)
    evaluator.run()
    found, table = read_scores(tmp_path / "scores.nc"), pd.read_csv(tmp_path / "ranking.csv")
    assert found.attrs["labelled"] == 0 and found.attrs["primary"] == "mask_agreement"
    assert (table["ranked_by"] == "mask_change").all() and "mask_agreement" not in table
    assert not {"forgetting", "relative_forgetting", "never_learned", "dense_error", "label_quality"} & {*table}
    assert "The samples have none: mask_agreement compares with the dense network." in why_not(found)["forgetting"]


def test_the_scores_may_stay_in_memory_or_without_tables(network: nn.Module, build_items, tmp_path: Path) -> None:
    evaluator = sweep(network, build_items(), ScoresWriter(build_items()), [0.5, 0.9])
    evaluator.run()
    assert evaluator.state.scores["iou"].shape == (3, 6, 2) and not list(tmp_path.iterdir())
    sweep(network, build_items(), ScoresWriter(build_items(), tmp_path / "remined.nc", tables=False), [0.5]).run()
    assert [path.name for path in tmp_path.iterdir()] == ["remined.nc"]


def test_a_plain_evaluator_writes_its_one_network(
    network: nn.Module, build_items, build_evaluator, tmp_path: Path
) -> None:
    handler = ScoresWriter(build_items(4), tmp_path / "scores.nc", MASKS)
    evaluator = build_evaluator(network, [handler])
    handler.attach(evaluator)
    evaluator.run()
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table["id"].tolist() == [f"image_{number}" for number in range(4)]
    assert read_scores(tmp_path / "scores.nc")["level"].values.tolist() == [0.0]
    network.eval()
    for item, score in zip(build_items(4), table["foreground_dice"], strict=True):
        with torch.no_grad():
            expected = MASKS.scores({"pred": network(item["image"][None]), "label": item["label"][None]})["dice"][0, 1]
        assert score == pytest.approx(expected.item(), nan_ok=True)
    assert not (tmp_path / "sparsity.csv").exists()


def test_a_list_with_another_image_is_refused_and_nothing_written(
    network: nn.Module, build_items, tmp_path: Path
) -> None:
    data = [*build_items(), {"id": "stranger"}]
    with pytest.raises(ValueError, match="got none for 1 images, first stranger"):
        sweep(network, build_items(), ScoresWriter(data, tmp_path / "scores.nc"), [0.5]).run()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("swept", [True, False])
def test_an_image_whose_prediction_is_not_finite_is_named_and_nothing_written(
    classifier: nn.Module, labelled: list[dict], tmp_path: Path, swept: bool
) -> None:
    labelled[2]["image"][0, 0, 0] = torch.inf
    writer = ScoresWriter(labelled, tmp_path / "scores.nc", FINDINGS)
    plain = SupervisedEvaluator(
        torch.device("cpu"), DataLoader(labelled, batch_size=4), classifier, val_handlers=[writer], decollate=False
    )
    evaluator = sweep(classifier, labelled, writer, [0.5], FINDINGS) if swept else plain
    with pytest.raises(FloatingPointError, match=f"must be finite, got NaN or infinity for {labelled[2]['id']}; use"):
        evaluator.run()
    assert not list(tmp_path.iterdir())


def test_a_mask_that_is_not_finite_is_named_too(build_items, tmp_path: Path) -> None:
    batch = next(iter(DataLoader(build_items(), batch_size=4)))
    pred = torch.zeros(4, 2, *batch["label"].shape[2:])
    pred[2, 1, 0, 0] = torch.inf
    engine = Engine(lambda engine, batch: {"pred": pred, "label": batch["label"]})
    ScoresWriter(build_items(), tmp_path / "scores.nc", MASKS).attach(engine)
    with pytest.raises(FloatingPointError, match=f"output of the dense network must be .* for {batch['id'][2]}; use"):
        engine.run([batch])
    assert not list(tmp_path.iterdir())
