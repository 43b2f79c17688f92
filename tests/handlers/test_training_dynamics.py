"""What a training records of each sample and epoch: the same whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ignite.distributed as idist
import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events

from htl_monai.handlers.training_dynamics import VARIABLES, TrainingDynamics
from htl_monai.ranking.aum import AUM
from htl_monai.ranking.forgetting_events import ForgettingEvents
from htl_monai.scores import read_scores
from htl_monai.tasks.multiclass_classification import MulticlassClassification

IDS = [f"s{i}" for i in range(6)]
TASK = MulticlassClassification(("a", "b", "c"))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def logits(epoch: int) -> torch.Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(epoch))


def train(
    path: Path,
    epochs: int,
    after: int = 0,
    drawn: Callable[[int], list[list[int]]] | None = None,
    wanted: bool = True,
    runs: int = 1,
) -> TrainingDynamics:
    """Run a trainer whose logits are known by epoch; ``drawn`` says which samples are in which batch."""
    batches = drawn or (lambda epoch: [[3, 1, 0], [2, 5, 4]])

    def step(engine: Engine, number: int) -> dict[str, torch.Tensor]:
        rows = batches(engine.state.epoch)[number]
        engine.state.batch = {"id": [IDS[row] for row in rows]}
        return {"pred": logits(engine.state.epoch)[rows].requires_grad_(), "label": LABELS[rows]}

    trainer = Engine(step)
    trainer.state.device, trainer.state.rank = torch.device("cpu"), 0
    recorder = TrainingDynamics([{"id": id_, "sex": "f"} for id_ in [*IDS, *IDS[:2]]], path, TASK, wanted)
    for _ in range(2):  # attaching twice changes nothing
        recorder.attach(trainer)

    @trainer.on(Events.STARTED)
    def resume(engine: Engine) -> None:
        engine.state.epoch, engine.state.iteration = after, 2 * after

    for _ in range(runs):
        trainer.run([0, 1], max_epochs=epochs)
    return recorder


def test_every_epoch_of_every_sample_is_recorded(tmp_path: Path) -> None:
    train(tmp_path / "dynamics.nc", 3)
    found = read_scores(tmp_path / "dynamics.nc")
    assert found.sizes["epoch"] == 3 and found["sample"].values.tolist() == IDS
    assert found["sex"].values.tolist() == ["f"] * 6
    for epoch in range(3):
        expected = TASK.dynamics(logits(epoch + 1), LABELS)
        for name in VARIABLES:
            np.testing.assert_allclose(found[name].values[epoch], expected[name].numpy(), rtol=1e-6)
    margins = np.stack([TASK.dynamics(logits(epoch), LABELS)["dynamics_margin"].numpy() for epoch in (1, 2, 3)])
    np.testing.assert_allclose(AUM()(found), -margins.mean(axis=0), rtol=1e-6)
    right = np.stack([logits(epoch).argmax(dim=1) == LABELS for epoch in (1, 2, 3)])
    events = (right[:-1] & ~right[1:]).sum(axis=0)
    np.testing.assert_array_equal(ForgettingEvents()(found), np.where(right.any(axis=0), events, np.inf))


def test_nothing_is_recorded_unless_it_is_wanted(tmp_path: Path) -> None:
    assert train(tmp_path / "dynamics.nc", 2, wanted=False).state_dict()["epochs"].numel() == 0
    assert not (tmp_path / "dynamics.nc").exists()


def test_a_killed_training_goes_on_with_its_file(tmp_path: Path) -> None:
    train(tmp_path / "whole.nc", 4)
    train(tmp_path / "killed.nc", 3)
    train(tmp_path / "killed.nc", 4, after=2)  # the checkpoint of the third epoch was not written
    assert read_scores(tmp_path / "whole.nc").identical(read_scores(tmp_path / "killed.nc"))


def test_a_trainer_that_runs_again_begins_a_new_record(tmp_path: Path) -> None:
    train(tmp_path / "once.nc", 2)
    train(tmp_path / "twice.nc", 2, runs=2)
    assert read_scores(tmp_path / "once.nc").identical(read_scores(tmp_path / "twice.nc"))


def test_the_state_says_all(tmp_path: Path) -> None:
    first = train(tmp_path / "first.nc", 2)
    second = TrainingDynamics(first.data, tmp_path / "second.nc", TASK)
    assert second.state_dict()["epochs"].shape == (0, 4, 6)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second.state_dict()["epochs"], first.state_dict()["epochs"])
    assert first.state_dict()["epochs"].shape == (2, 4, 6)


def test_what_is_drawn_twice_counts_by_its_mean_and_what_is_not_is_nan(tmp_path: Path) -> None:
    train(tmp_path / "dynamics.nc", 1, drawn=lambda epoch: [[0, 0, 1], [0, 2, 2]])
    found = read_scores(tmp_path / "dynamics.nc")
    expected = TASK.dynamics(logits(1), LABELS)["dynamics_error"].numpy()
    np.testing.assert_allclose(found["dynamics_error"][0], [*expected[:3], *[np.nan] * 3], rtol=1e-6)


def test_a_resumed_training_without_its_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="dynamics.nc must hold the 2 epochs before, got no file; delete the checkpoint"
    ):
        train(tmp_path / "dynamics.nc", 3, after=2)
    train(tmp_path / "dynamics.nc", 1)
    with pytest.raises(
        ValueError, match="must hold the 2 epochs before of the same samples, got 1 of 6 samples; delete"
    ):
        train(tmp_path / "dynamics.nc", 3, after=2)


def test_what_several_processes_drew_is_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "alone.nc", 2, drawn=lambda epoch: [[0, 1, 2], [3, 4, 5]])
    shares: list[torch.Tensor] = []
    monkeypatch.setattr(idist, "all_reduce", lambda sums: shares.append(sums.clone()) or sums)
    train(tmp_path / "other.nc", 2, drawn=lambda epoch: [[3], [4, 5]])
    monkeypatch.setattr(idist, "all_reduce", lambda sums: sums + shares.pop(0))
    train(tmp_path / "both.nc", 2, drawn=lambda epoch: [[0, 1], [2]])
    assert read_scores(tmp_path / "both.nc").identical(read_scores(tmp_path / "alone.nc"))
