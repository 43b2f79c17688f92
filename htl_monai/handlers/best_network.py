"""Keeps the network of the best validation epoch."""

from __future__ import annotations

import math
import os

from ignite.engine import Engine, Events
from torch import nn

from htl_monai.handlers.handler import Handler
from htl_monai.networks.weights import save_weights


def is_lower(value: float, best: float) -> bool:
    """Tell whether a loss is better than the best one so far; any is better than NaN.

    Example:
        >>> is_lower(0.2, 0.3), is_lower(0.2, float("nan")), is_lower(float("nan"), 0.3)
        (True, True, False)
    """
    return value < best or math.isnan(best)


class BestNetwork(Handler):
    """Write the weights each time the evaluator's key metric reaches a new best.

    MONAI's ``CheckpointSaver`` remembers its best score in memory only, so a resumed training would overwrite the best
    network with its first epoch. This handler trusts ``engine.state.best_metric_epoch``, which
    :class:`~htl_monai.handlers.training_checkpoint.TrainingCheckpoint` restores.

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
