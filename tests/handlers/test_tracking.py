"""Reporting a training to TensorBoard and MLflow."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch.utils.tensorboard
from ignite.engine import Engine, Events
from ignite.metrics import Average
from mlflow import MlflowClient
from mlflow.entities import Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from htl_monai.data.files import read_note, read_table
from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.handlers.mlflow_run import MLflowRun
from htl_monai.handlers.tracking import Tracking
from htl_monai.runs import layout

Build = Callable[..., Engine]


class FailsAt:
    """Raises what a killed or broken training raises."""

    def __init__(self, epoch: int, error: type[BaseException]) -> None:
        self.epoch, self.error = epoch, error

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED(once=self.epoch), self)

    def __call__(self, engine: Engine) -> None:
        raise self.error("the disk is full")


@pytest.fixture
def build(network, build_trainer, build_evaluator, tmp_path: Path) -> Build:
    """Return a function that builds a training of two epochs which is validated and tracked."""

    def build(*handlers: Any, **tracking: Any) -> Engine:
        accuracy = Average(output_transform=lambda output: 0.25)
        validator = build_evaluator(network, [], key_val_metric={"val_accuracy": accuracy})

        def validate(engine: Engine) -> None:
            validator.run(engine.state.epoch)

        log = EpochLog(tmp_path / "training" / "epochs.csv", validator)
        tracked = Tracking(tmp_path / "training", tmp_path, validator, **tracking)
        trainer = build_trainer(network, [], 2)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
        for handler in (log, *handlers, tracked):
            handler.attach(trainer)
        return trainer

    return build


def run_of(folder: Path, uri: str) -> Run:
    """Return MLflow's run of a folder."""
    return run_of_record(folder / layout.MLFLOW, uri)


def run_of_record(record: Path, uri: str) -> Run:
    return MlflowClient(uri).get_run(read_note(record)["run_id"])


def course(run: Run, metric: str, uri: str) -> list[tuple[int, float]]:
    return [(told.step, told.value) for told in MlflowClient(uri).get_metric_history(run.info.run_id, metric)]


def test_nothing_is_attached_unless_asked_for(build: Build, tmp_path: Path) -> None:
    build().run()
    assert [path.name for path in (tmp_path / "training").iterdir()] == ["epochs.csv"]


def test_mlflow_gets_every_epoch_of_a_training_that_runs_alone(build: Build, tmp_path: Path, mlflow_uri: str) -> None:
    build(mlflow=True, mlflow_uri=mlflow_uri).run()
    run, log = run_of(tmp_path / "training", mlflow_uri), read_table(tmp_path / "training" / "epochs.csv")
    assert (run.info.run_name, run.info.status) == ("training", "FINISHED")
    assert course(run, "train_loss", mlflow_uri) == [(1, log["loss"][0]), (2, log["loss"][1])]
    assert course(run, "val_accuracy", mlflow_uri) == [(1, 0.25), (2, 0.25)]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_training_that_ends_by_an_error_is_failed_and_goes_on_in_the_same_run(
    build: Build, tmp_path: Path, mlflow_uri: str, error: type[BaseException]
) -> None:
    with pytest.raises(error, match="the disk is full"):
        build(FailsAt(2, error), mlflow=True, mlflow_uri=mlflow_uri).run()
    failed = run_of(tmp_path / "training", mlflow_uri)
    assert failed.info.status == "FAILED"
    build(mlflow=True, mlflow_uri=mlflow_uri).run()
    run = run_of(tmp_path / "training", mlflow_uri)
    assert (run.info.run_id, run.info.status) == (failed.info.run_id, "FINISHED")
    build(mlflow=True, mlflow_uri=mlflow_uri).run()  # what is done is not mixed with what is done again
    assert run_of(tmp_path / "training", mlflow_uri).info.run_id != run.info.run_id


def test_a_run_that_somebody_else_began_is_left_open(
    build: Build, tmp_path: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = MLflowRun(mlflow_uri, "of another").begin(tmp_path / "theirs.json")
    monkeypatch.setenv("MLFLOW_RUN_ID", begun.run_id)
    build(mlflow=True, mlflow_uri=mlflow_uri).run()
    run = MlflowClient(mlflow_uri).get_run(begun.run_id)
    assert run.info.status == "RUNNING" and len(course(run, "train_loss", mlflow_uri)) == 2
    assert not (tmp_path / "training" / layout.MLFLOW).exists()


def test_a_training_outlives_mlflow(build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    trainer = build(mlflow=True, mlflow_uri=f"sqlite:///{tmp_path}/file/mlflow.db")
    trainer.run()
    assert trainer.state.epoch == 2
    said = capsys.readouterr().err
    assert said.count("training goes on, and MLflow is told no more of it: ") == 1


@pytest.mark.parametrize(("own", "held"), [(None, "2"), ("5", "5")])
def test_a_server_that_is_gone_is_asked_a_few_times_and_not_for_minutes(
    tmp_path: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch, own: str | None, held: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", own or "")
    if own is None:
        monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    MLflowRun(mlflow_uri, "training").begin(tmp_path / "record.json")
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == held


def test_a_database_that_others_write_to_is_waited_for(tmp_path: Path, mlflow_uri: str) -> None:
    run = MLflowRun(mlflow_uri, "training").begin(tmp_path / "record.json")
    with contextlib.closing(sqlite3.connect(mlflow_uri.removeprefix("sqlite:///"), check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.3, other.rollback).start()
        run.numbers(lambda: [(1, {"loss": 0.5})])
    assert course(run_of_record(tmp_path / "record.json", mlflow_uri), "loss", mlflow_uri) == [(1, 0.5)]


def test_names_and_values_are_made_such_as_mlflow_takes(tmp_path: Path, mlflow_uri: str) -> None:
    run = MLflowRun(mlflow_uri, "long").begin(tmp_path / "record.json")
    run.settings({"n" * 300: "v" * 7000} | {f"entry{number}": number for number in range(250)})
    run.numbers(lambda: [(0, {"iou (left)": 0.5, "unmeasured": float("nan")})])
    assert not run.failed
    told = run_of_record(tmp_path / "record.json", mlflow_uri).data
    assert told.params["n" * 250] == "v" * 6000 and len(told.params) == 251
    assert told.metrics == {"iou _left_": 0.5}


@pytest.mark.parametrize("error", [None, OSError])
def test_tensorboard_gets_loss_and_scores_and_is_closed(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException] | None
) -> None:
    closed: list[bool] = []
    close = torch.utils.tensorboard.SummaryWriter.close
    monkeypatch.setattr(
        torch.utils.tensorboard.SummaryWriter, "close", lambda writer: (closed.append(True), close(writer))
    )
    trainer = build(*([FailsAt(2, error)] if error else []), tensorboard=True)
    with pytest.raises(error) if error else contextlib.nullcontext():
        trainer.run()
    assert closed
    (file,) = (tmp_path / "training" / "tensorboard").iterdir()
    told = EventAccumulator(str(file)).Reload()
    epochs = 1 if error else 2
    assert len(told.Scalars("train_loss")) == 3 * epochs  # a batch each
    assert [value.value for value in told.Scalars("val_accuracy")] == [0.25] * epochs
