"""Reports a training to TensorBoard and MLflow, where that is asked for."""

from __future__ import annotations

import operator
import os
from pathlib import Path

from monai.engines import Evaluator, Trainer
from monai.handlers import MLFlowHandler, TensorBoardStatsHandler


class Tracking:
    """Attach MONAI's handlers for TensorBoard and MLflow to a trainer, and for TensorBoard to its validator.

    Args:
        folder: the stage's folder; TensorBoard writes into its ``tensorboard``.
        run_dir: the run's folder.
        validator: the evaluator that the validation handler runs.
        tensorboard: whether TensorBoard is asked for.
        mlflow: whether MLflow is.
        mlflow_uri: where MLflow writes; by default ``mlflow.db`` in ``run_dir``.

    Runs on: what those handlers run on, in the first process only.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        run_dir: str | os.PathLike[str],
        validator: Evaluator,
        tensorboard: bool = False,
        mlflow: bool = False,
        mlflow_uri: str | None = None,
    ) -> None:
        self.log_dir = os.path.join(folder, "tensorboard")
        self.validator = validator
        self.tensorboard = tensorboard
        self.mlflow = mlflow
        self.mlflow_uri = mlflow_uri or f"sqlite:///{Path(run_dir).absolute()}/mlflow.db"
        self._attached = False

    def attach(self, engine: Trainer) -> None:
        """Attach to the trainer; a second call changes nothing."""
        if engine.state.rank != 0 or self._attached:
            return
        self._attached = True
        loss = {"tag_name": "train_loss", "output_transform": operator.itemgetter("loss")}
        if self.tensorboard:
            TensorBoardStatsHandler(log_dir=self.log_dir, **loss).attach(engine)
            TensorBoardStatsHandler(log_dir=self.log_dir, iteration_log=False).attach(self.validator)
        if self.mlflow:
            MLFlowHandler(tracking_uri=self.mlflow_uri, **loss).attach(engine)
