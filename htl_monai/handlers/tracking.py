"""Reports a training to TensorBoard and MLflow, where that is asked for."""

from __future__ import annotations

import operator
import os
from pathlib import Path

from ignite.engine import Events
from monai.engines import Evaluator, Trainer
from monai.handlers import TensorBoardStatsHandler

from htl_monai.handlers.mlflow_run import FAILED, FINISHED, MLflowRun, tracking_uri
from htl_monai.runs import layout


class Tracking:
    """Tell TensorBoard and MLflow of the loss and the validation metrics.

    Args:
        folder: the stage's folder; TensorBoard writes into its ``tensorboard``.
        run_dir: the run's folder.
        validator: the evaluator that the validation handler runs.
        tensorboard: whether TensorBoard is asked for: the loss of every iteration, the metrics of every validation.
        mlflow: whether MLflow is: every row of the epochs' log, in the run that MLFLOW_RUN_ID names, or in one of its
            own, which ends with the training. Interrupted, it goes on in the same one.
        mlflow_uri: where MLflow writes; by default see :func:`~htl_monai.handlers.mlflow_run.tracking_uri`.

    Runs on: the first process only. List it last: it reads what
        :class:`~htl_monai.handlers.epoch_log.EpochLog` wrote, ``engine.state.epoch_row``.
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
        self.folder = Path(folder)
        self.validator = validator
        self.tensorboard = tensorboard
        self.mlflow = mlflow
        self.uri = tracking_uri(mlflow_uri, run_dir)
        self._attached = False

    def attach(self, engine: Trainer) -> None:
        """Attach to the trainer; a second call changes nothing."""
        if engine.state.rank != 0 or self._attached:
            return
        self._attached = True
        if self.tensorboard:
            self._attach_tensorboard(engine)
        if self.mlflow:
            self._attach_mlflow(engine)
        if self.tensorboard or self.mlflow:
            engine.add_event_handler(Events.EXCEPTION_RAISED, _raise)  # whoever listens to an exception has to

    def _attach_tensorboard(self, engine: Trainer) -> None:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(log_dir=str(self.folder / "tensorboard"))
        loss = {"tag_name": "train_loss", "output_transform": operator.itemgetter("loss")}
        TensorBoardStatsHandler(writer, **loss).attach(engine)
        TensorBoardStatsHandler(writer, iteration_log=False).attach(self.validator)
        for event in (Events.COMPLETED, Events.EXCEPTION_RAISED):
            engine.add_event_handler(event, lambda *_: writer.close())

    def _attach_mlflow(self, engine: Trainer) -> None:
        run = MLflowRun(self.uri, self.folder.name, os.environ.get("MLFLOW_RUN_ID"))

        def tell(engine: Trainer) -> None:
            row = {{"loss": "train_loss"}.get(name, name): value for name, value in engine.state.epoch_row.items()}
            run.numbers(lambda: [(row.pop("epoch"), row)])

        engine.add_event_handler(Events.EPOCH_COMPLETED, tell)
        if run.is_own:
            engine.add_event_handler(Events.STARTED, lambda: run.begin(self.folder / layout.MLFLOW))
            engine.add_event_handler(Events.COMPLETED, lambda: run.end(FINISHED))
            engine.add_event_handler(Events.EXCEPTION_RAISED, lambda *_: run.end(FAILED))


def _raise(engine: Trainer, error: BaseException) -> None:
    raise error
