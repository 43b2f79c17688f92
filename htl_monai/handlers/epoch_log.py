"""Writes the course of a training as a table, and stops one whose loss is no number any more."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

import pandas as pd
from ignite.engine import Events
from monai.engines import Evaluator, Trainer

from htl_monai.data.files import read_table, write_csv
from htl_monai.handlers.handler import Handler

logger = logging.getLogger(__name__)


class EpochLog(Handler):
    """Write one row per epoch: mean training loss, the learning rate it used, and metrics where it was validated.

    As soon as the loss is NaN or infinite the training stops, so that no checkpoint of a broken network is written.

    Args:
        path: the CSV file, replaced atomically after each epoch; a resumed training goes on with the rows it has.
        validator: the evaluator that the validation handler runs; list this handler after that one, and before the
            checkpoint handler, so that no epoch that is not repeated lacks its row.

    Reads: ``engine.state.output["loss"]`` (the trainer's ``decollate`` must be off), ``validator.state.metrics``.
    Writes: ``path`` with ``epoch``, ``loss``, ``learning_rate`` and the metrics' names, and the last row as
        ``engine.state.epoch_row``, in the first process only.
    """

    events = {
        Events.EPOCH_STARTED: "_start",
        Events.ITERATION_COMPLETED: "_collect",
        Events.EPOCH_COMPLETED: "__call__",
    }

    def __init__(self, path: str | os.PathLike[str], validator: Evaluator | None = None) -> None:
        self.path = Path(path)
        self.validator = validator
        self._losses: list[float] = []
        self._learning_rate = float("nan")

    def __call__(self, engine: Trainer) -> None:
        if engine.state.rank != 0:
            return
        row = {
            "epoch": engine.state.epoch,
            "loss": sum(self._losses) / len(self._losses),
            "learning_rate": self._learning_rate,
        }
        if self.validator is not None and self.validator.state.epoch == engine.state.epoch:
            row.update({name: float(value) for name, value in self.validator.state.metrics.items()})
        engine.state.epoch_row = row
        figures = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
        logger.info("epoch %d of %d: %s", engine.state.epoch, engine.state.max_epochs, figures)
        earlier = read_table(self.path) if engine.state.epoch > 1 and self.path.is_file() else pd.DataFrame()
        if len(earlier):
            earlier = earlier[earlier["epoch"] < engine.state.epoch]
        write_csv(self.path, pd.concat([earlier, pd.DataFrame([row])], ignore_index=True))

    def _start(self, engine: Trainer) -> None:
        self._losses.clear()
        self._learning_rate = engine.optimizer.param_groups[0]["lr"]

    def _collect(self, engine: Trainer) -> None:
        loss = float(engine.state.output["loss"].detach())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss} in epoch {engine.state.epoch}, iteration {engine.state.iteration}; "
                "lower learning_rate, or use precision fp32, and check the data for broken masks"
            )
        self._losses.append(loss)
