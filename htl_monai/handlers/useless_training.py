"""Warns at the end of a training whose network is no better than an answer that looks at no image."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ignite.engine import Events
from monai.engines import Evaluator, Trainer

from htl_monai.data.files import read_table
from htl_monai.handlers.handler import Handler
from htl_monai.handlers.spoken_warning import warn_of_useless
from htl_monai.tasks.usefulness import useless_metric


class UselessTraining(Handler):
    """Compare the validation of the network that is kept with chance, and warn; the run goes on.

    Args:
        path: the table of :class:`~htl_monai.handlers.epoch_log.EpochLog`, so that a resumed training knows it, too.
        validator: knows which epoch's network is kept. Where it never ran nothing is said.
        metric: the column of the table, higher = better.
        chance: returns what an answer without any image reaches; called at the end only.
        of: that answer in words.

    Reads: ``validator.state.best_metric_epoch``.
    """

    events = {Events.COMPLETED: "__call__"}

    def __init__(
        self, path: str | os.PathLike[str], validator: Evaluator, metric: str, chance: Callable[[], float], of: str
    ) -> None:
        self.path = Path(path)
        self.validator = validator
        self.metric = metric
        self.chance = chance
        self.of = of

    def __call__(self, engine: Trainer) -> None:
        if engine.state.rank != 0 or not self.path.is_file():
            return
        epochs = read_table(self.path)
        kept = epochs[epochs["epoch"] == self.validator.state.best_metric_epoch]
        if len(kept) and self.metric in kept:
            value = float(kept[self.metric].iloc[0])
            reason = useless_metric(self.metric, value, float(self.chance()), self.of)
            warn_of_useless("the network", reason, "after the training")
