"""Keeps the network of the best validation epoch, and ends a training that gets no better.

MONAI's and ignite's handlers remember the best score, and count epochs without one, in memory only. These read
``best_metric_epoch``, which :class:`~htl_monai.handlers.training_checkpoint.TrainingCheckpoint` restores.
"""

from __future__ import annotations

import logging
import math
import os

from ignite.engine import Engine, Events
from monai.engines import Evaluator, Trainer
from torch import nn

from htl_monai.handlers.handler import Handler
from htl_monai.networks.weights import save_weights

__all__ = ["BestNetwork", "EarlyStop", "is_lower"]


def is_lower(value: float, best: float) -> bool:
    """Tell whether a loss is better than the best one so far; any is better than NaN.

    Example:
        >>> is_lower(0.2, 0.3), is_lower(0.2, float("nan")), is_lower(float("nan"), 0.3)
        (True, True, False)
    """
    return value < best or math.isnan(best)


class BestNetwork(Handler):
    """Write the weights each time the evaluator's key metric reaches a new best.

    Args:
        network: whose weights are saved.
        path: the file, a plain ``state_dict`` without wrapper or pruning residue.

    Reads: ``best_metric_epoch`` and ``epoch`` of the evaluator's state, after its metrics; in the first process only.
    """

    events = {Events.EPOCH_COMPLETED: "__call__"}

    def __init__(self, network: nn.Module, path: str | os.PathLike[str]) -> None:
        self.network = network
        self.path = path

    def __call__(self, engine: Engine) -> None:
        if engine.state.rank == 0 and engine.state.best_metric_epoch == engine.state.epoch:
            save_weights(self.network, self.path)


class EarlyStop(Handler):
    """Stop the training when the validator's key metric, the same in every process, has not improved for some epochs.

    Args:
        validator: the evaluator that the validation handler runs.
        patience: how many epochs without a new best end the training, from 1.

    Runs on: a trainer; list it after the validation and checkpoint handlers.
    Reads: ``engine.state.epoch``, ``validator.state.best_metric_epoch``.

    Raises:
        ValueError: ``patience`` is less than 1.
    """

    # Killed after its last checkpoint, a training may have nothing left to do when it starts.
    events = {Events.STARTED: "__call__", Events.EPOCH_COMPLETED: "__call__"}

    def __init__(self, validator: Evaluator, patience: int = 15) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}; give a number of epochs")
        self.validator = validator
        self.patience = patience

    def __call__(self, engine: Trainer) -> None:
        best = max(self.validator.state.best_metric_epoch, 0)
        if engine.state.epoch - best >= self.patience:
            message = "Stopping after epoch %d: none was better than epoch %d."
            logging.getLogger(__name__).info(message, engine.state.epoch, best)
            engine.terminate()
