"""Keeps the network of the best validation epoch."""

from __future__ import annotations

import math
import os

from ignite.engine import Engine, Events
from monai.engines import Evaluator
from torch import nn

from htl_monai.networks.weights import save_weights

__all__ = ["BestNetwork", "is_lower"]


def is_lower(value: float, best: float) -> bool:
    """Tell whether a loss is better than the best one so far; any is better than NaN.

    Example:
        >>> is_lower(0.2, 0.3), is_lower(0.2, float("nan")), is_lower(float("nan"), 0.3)
        (True, True, False)
    """
    return value < best or math.isnan(best)


class BestNetwork:
    """Write the weights each time the evaluator's key metric reaches a new best.

    MONAI's ``CheckpointSaver`` remembers its best score in memory only, so a resumed training would overwrite the best
    network with its first epoch. This handler trusts ``engine.state.best_metric_epoch``, which
    :class:`~htl_monai.handlers.training_checkpoint.TrainingCheckpoint` restores.

    Args:
        network: whose weights are saved.
        path: the file, a plain ``state_dict`` without wrapper or pruning residue.

    Runs on: ``EPOCH_COMPLETED`` of the evaluator, after its metrics; in the first process only.
    Reads: ``engine.state.best_metric_epoch``, ``engine.state.epoch``.
    """

    def __init__(self, network: nn.Module, path: str | os.PathLike[str]) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Evaluator) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.EPOCH_COMPLETED):
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if engine.state.rank == 0 and engine.state.best_metric_epoch == engine.state.epoch:
            save_weights(self.network, self.path)
