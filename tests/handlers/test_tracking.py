"""Reporting a training to TensorBoard and MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.handlers.tracking import Tracking


def test_nothing_is_attached_unless_asked_for(network, build_trainer, build_evaluator, tmp_path: Path) -> None:
    tracking = Tracking(tmp_path, tmp_path, build_evaluator(network, []))
    build_trainer(network, [tracking], 1).run()
    assert not any(tmp_path.iterdir())


def test_mlflow_gets_the_loss_of_a_training_into_the_folder_of_the_run(
    network, build_trainer, build_evaluator, tmp_path: Path
) -> None:
    mlflow = pytest.importorskip("mlflow")
    tracking = Tracking(tmp_path / "training", tmp_path, build_evaluator(network, []), mlflow=True)
    build_trainer(network, [tracking], 1).run()
    assert (tmp_path / "mlflow.db").is_file()
    client = mlflow.tracking.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (experiment,) = [found for found in client.search_experiments() if client.search_runs([found.experiment_id])]
    (run,) = client.search_runs([experiment.experiment_id])
    assert "train_loss" in run.data.metrics
