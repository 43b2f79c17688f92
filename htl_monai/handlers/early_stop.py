"""Ends a training that gets no better."""

from __future__ import annotations

import logging

from ignite.engine import Events
from monai.engines import Evaluator, Trainer

from htl_monai.handlers.handler import Handler

logger = logging.getLogger(__name__)


class EarlyStop(Handler):
    """Stop the training when the validator's key metric has not improved for ``patience`` epochs.

    ignite's and MONAI's handlers count in memory, so a resumed training would start to count anew. This one reads the
    count off ``best_metric_epoch``, which :class:`~htl_monai.handlers.training_checkpoint.TrainingCheckpoint` restores,
    and is the same in every process, because the metric is.

    Args:
        validator: the evaluator that the validation handler runs.
        patience: how many epochs without a new best end the training, from 1.

    Runs on: ``STARTED`` and ``EPOCH_COMPLETED`` of the trainer; list it after the validation and checkpoint handlers.
    Reads: ``engine.state.epoch``, ``validator.state.best_metric_epoch``.

    Raises:
        ValueError: ``patience`` is less than 1.
    """

    events = {
        Events.STARTED: "__call__",  # killed after its last checkpoint, a training may have nothing left to do
        Events.EPOCH_COMPLETED: "__call__",
    }

    def __init__(self, validator: Evaluator, patience: int = 15) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}; give a number of epochs")
        self.validator = validator
        self.patience = patience

    def __call__(self, engine: Trainer) -> None:
        best = max(self.validator.state.best_metric_epoch, 0)
        if engine.state.epoch - best >= self.patience:
            logger.info(f"Stopping after epoch {engine.state.epoch}: none was better than epoch {best}.")
            engine.terminate()
