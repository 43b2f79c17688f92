"""Stops a training whose loss is no number any more."""

from __future__ import annotations

import math

from ignite.engine import Engine, Events

__all__ = ["StopOnBadLoss"]


class StopOnBadLoss:
    """Raise as soon as the loss is NaN or infinite, so that no checkpoint of a broken network is written.

    Runs on: ``ITERATION_COMPLETED`` of the trainer.
    Reads: ``engine.state.output["loss"]`` (the trainer's ``decollate`` must be off).
    """

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.ITERATION_COMPLETED):
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        loss = float(engine.state.output["loss"].detach())
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss} in epoch {engine.state.epoch}, iteration {engine.state.iteration}; "
                "lower learning_rate, or use precision fp32, and check the data for broken masks"
            )
