"""Progress bars on standard error."""

from __future__ import annotations

import pytest
from torch import nn

from htl_monai.handlers.progress import EpochProgress, IterationProgress


@pytest.mark.parametrize("attached", [1, 2])
def test_a_bar_over_epochs(
    network: nn.Module, build_trainer, capsys: pytest.CaptureFixture[str], attached: int
) -> None:
    trainer, handler = build_trainer(network), EpochProgress("learning")
    for _ in range(attached):
        handler.attach(trainer)
    trainer.run()
    shown = capsys.readouterr().err
    assert "learning" in shown and "2/2" in shown
    assert shown.count("\n") == 1  # one bar, however often it was attached


def test_a_bar_over_batches(network: nn.Module, build_evaluator, capsys: pytest.CaptureFixture[str]) -> None:
    build_evaluator(network, [IterationProgress("mining")]).run()
    shown = capsys.readouterr().err
    assert "mining" in shown and "2/2" in shown


def test_other_processes_show_nothing(network: nn.Module, build_evaluator, capsys: pytest.CaptureFixture[str]) -> None:
    evaluator = build_evaluator(network)
    evaluator.state.rank = 1
    IterationProgress("mining").attach(evaluator)
    evaluator.run()
    assert "mining" not in capsys.readouterr().err
