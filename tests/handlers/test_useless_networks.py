"""The warnings of networks that learned nothing: before a mining, after a training and after an evaluation."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from monai.data import DataLoader
from torch import nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.handlers.useless_networks import QuickLook, UselessScores, UselessTraining
from htl_monai.pruning import GlobalMagnitude
from htl_monai.scores import make_scores
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.heat_map_localization import HeatMapLocalization
from htl_monai.tasks.multiclass_segmentation import MulticlassSegmentation
from htl_monai.tasks.task import Task

TASK = BinarySegmentation()


def says(network: nn.Module, lesion: bool) -> nn.Module:
    """Let a network call every pixel lesion, or none."""
    with torch.no_grad():
        network[-1].weight.zero_()
        network[-1].bias.copy_(torch.tensor([0.0, 1.0] if lesion else [1.0, 0.0]))
    return network


def mine(network: nn.Module, items: list[dict], look: QuickLook, task: Task = TASK) -> None:
    loader = DataLoader(items, batch_size=2)
    evaluator = ForgettingEvaluator(
        torch.device("cpu"), loader, network, GlobalMagnitude(), [0.5], task, val_handlers=[look]
    )
    look.attach(evaluator)  # a second time
    evaluator.run()


@pytest.mark.parametrize(
    ("lesion", "words"),
    [(True, "calls every pixel of all 4 images foreground"), (False, "finds nothing of the foreground in any of 4")],
)
def test_a_mining_warns_once_after_the_first_images(
    network: nn.Module, build_items, lesion: bool, words: str, capsys: pytest.CaptureFixture[str], caplog
) -> None:
    with caplog.at_level(logging.WARNING):
        mine(says(network, lesion), build_items(), QuickLook(3))
    error = capsys.readouterr().err
    assert error.startswith("warning: first 4 images: the dense network ") and words in error
    assert error.count("warning") == 1 and [record.levelname for record in caplog.records] == ["WARNING"]


def test_few_images_are_judged_at_the_end_and_a_second_run_anew(
    network: nn.Module, build_items, capsys: pytest.CaptureFixture[str]
) -> None:
    look = QuickLook()
    for _ in range(2):
        mine(says(network, True), build_items(), look)
        assert capsys.readouterr().err.count("first 6 images") == 1


def test_without_masks_the_boxes_are_judged(
    network: nn.Module, build_items, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [{"id": item["id"], "image": item["image"]} for item in build_items()]
    mine(says(network, False), items, QuickLook(), HeatMapLocalization())
    assert "the dense network outlines nothing in any of 6 images" in capsys.readouterr().err


def test_a_network_that_finds_something_is_not_spoken_of(build_items, capsys: pytest.CaptureFixture[str]) -> None:
    items = build_items()
    first_channel = nn.Conv2d(3, 2, 1)  # the label is what is bright there
    with torch.no_grad():
        first_channel.weight.zero_()
        first_channel.weight[1, 0] = 1.0
        first_channel.bias.copy_(torch.tensor([0.5, 0.0]))
    mine(nn.Sequential(first_channel), items, QuickLook())
    assert capsys.readouterr().err == ""


def test_numbers_of_images_from_one() -> None:
    with pytest.raises(ValueError, match="^n_images must be at least 1, got 0"):
        QuickLook(0)


def test_an_evaluation_warns(
    network: nn.Module, build_items, build_evaluator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ScoresWriter(build_items(4), tmp_path / "scores.nc", TASK)
    evaluator = build_evaluator(says(network, True), [table, UselessScores()])
    evaluator.run()
    assert "after the evaluation: the network calls every pixel of all 4 images foreground" in capsys.readouterr().err
    build_evaluator(network, [table, UselessScores("otsu", except_for=["otsu"])]).run()
    assert capsys.readouterr().err == ""
    whole = pd.read_csv(tmp_path / "scores.csv")["whole_image_iou"].tolist()
    assert whole == pytest.approx([item["label"].mean().item() for item in build_items(4)])


def test_an_evaluation_is_judged_by_its_task(capsys: pytest.CaptureFixture[str]) -> None:
    task = MulticlassSegmentation(("background", "liver", "spleen"))
    scores = make_scores([{"id": "a"}], ["a"], {"iou": [[[1.0, 0.0, 0.0]]]}, [0], task.classes, task=task.name)
    scores.attrs["foreground"] = list(task.foreground)
    UselessScores()(SimpleNamespace(state=SimpleNamespace(rank=0, scores=scores)))
    assert "the network finds nothing of the foreground in any of 1 images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("best_epoch", "expected"),
    [(1, "the network is no better than a mask of the whole image: val_iou 0.200, at most 0.250; "), (2, ""), (-1, "")],
)
def test_a_training_is_judged_by_the_network_that_it_keeps(
    network: nn.Module,
    build_trainer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    best_epoch: int,
    expected: str,
) -> None:
    pd.DataFrame({"epoch": [1, 2], "val_iou": [0.2, 0.4]}).to_csv(tmp_path / "epochs.csv", index=False)
    validator = SimpleNamespace(state=SimpleNamespace(best_metric_epoch=best_epoch))
    of = "a mask of the whole image"
    handler = UselessTraining(tmp_path / "epochs.csv", validator, "val_iou", lambda: 0.25, of)
    trainer = build_trainer(network, [handler], max_epochs=1)
    handler.attach(trainer)
    trainer.run()
    error = capsys.readouterr().err
    assert expected in error and error.count("warning") == bool(expected)
