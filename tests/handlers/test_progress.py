"""How far an engine is, on standard error."""

from __future__ import annotations

from pathlib import Path

import pytest
from ignite.engine import Events
from monai.handlers import ValidationHandler
from torch import nn

from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.handlers.progress import EpochProgress, IterationProgress


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def is_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a person watches standard error."""
    monkeypatch.setattr("htl_monai.data.progress_bar.shows_bars", lambda: request.param)
    monkeypatch.setattr("htl_monai.data.progress_bar._INTERVAL_S", 3600 if request.param else 0)
    return bool(request.param)


@pytest.mark.parametrize("attached", [1, 2])
def test_epochs(
    network: nn.Module, build_trainer, capsys: pytest.CaptureFixture[str], is_terminal: bool, attached: int
) -> None:
    trainer, handler = build_trainer(network), EpochProgress("learning")
    for _ in range(attached):
        handler.attach(trainer)
    trainer.run()
    shown = capsys.readouterr().err
    # One bar, or a line before and one an epoch, however often it was attached.
    assert shown.count("\n") == (1 if is_terminal else 3)
    assert "2/2" in shown if is_terminal else shown.endswith("\nlearning: 2 of 2 epochs, 00:00 left\n")


def test_epochs_with_loss_and_score(
    network: nn.Module, build_trainer, build_evaluator, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_terminal
) -> None:
    validator = build_evaluator(network)
    validator.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: engine.state.metrics.update(quality=0.25))
    log = EpochLog(tmp_path / "epochs.csv", validator)
    trainer = build_trainer(network, [ValidationHandler(1, validator), log, EpochProgress()])
    trainer.run()
    words = f"loss {trainer.state.epoch_row['loss']:.4g}, quality 0.25"
    shown = capsys.readouterr().err
    assert words in shown if is_terminal else shown.endswith(f"\ntraining: 2 of 2 epochs, {words}, 00:00 left\n")


def test_a_resumed_training_counts_from_where_it_was(
    network: nn.Module, build_trainer, capsys: pytest.CaptureFixture[str], is_terminal: bool
) -> None:
    trainer = build_trainer(network, max_epochs=5)
    trainer.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "epoch", 3))
    handler = EpochProgress()
    handler.attach(trainer)
    trainer.run()
    shown = capsys.readouterr().err
    assert handler._bar.initial == 3 and ("5/5" in shown if is_terminal else shown.count("\n") == 3)


def test_images(network: nn.Module, build_evaluator, capsys: pytest.CaptureFixture[str], is_terminal: bool) -> None:
    evaluator = build_evaluator(network, [IterationProgress("mining")])
    n = len(evaluator.data_loader.dataset)
    evaluator.run()
    shown = capsys.readouterr().err
    assert f"{n}/{n}" in shown if is_terminal else shown.endswith(f"mining: {n} of {n} images, 00:00 left\n")


def test_other_processes_show_nothing(network: nn.Module, build_evaluator, capsys: pytest.CaptureFixture[str]) -> None:
    evaluator = build_evaluator(network)
    evaluator.state.rank = 1
    IterationProgress("mining").attach(evaluator)
    evaluator.run()
    assert "mining" not in capsys.readouterr().err


def test_progress_that_nobody_wants_is_not_shown(
    network: nn.Module, build_evaluator, build_trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    build_evaluator(network, [IterationProgress("mining", shown=False)]).run()
    build_trainer(network, [EpochProgress(shown=False)]).run()
    assert capsys.readouterr().err == ""
