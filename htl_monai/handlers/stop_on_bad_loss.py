"""Stops a training whose loss is no number any more."""

from __future__ import annotations

import math

from ignite.engine import Engine, Events

from htl_monai.handlers.handler import Handler


class StopOnBadLoss(Handler):
    """Raise as soon as the loss is NaN or infinite, so that no checkpoint of a broken network is written.

    Reads: ``engine.state.output["loss"]`` (the trainer's ``decollate`` must be off).
    """

    events = {Events.ITERATION_COMPLETED: "__call__"}

    def __call__(self, engine: Engine) -> None:
        loss = float(engine.state.output["loss"].detach())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss} in epoch {engine.state.epoch}, iteration {engine.state.iteration}; "
                "lower learning_rate, or use precision fp32, and check the data for broken masks"
            )
