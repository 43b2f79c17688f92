"""Shows how far an engine is, on standard error."""

from __future__ import annotations

from ignite.engine import Engine, Events
from ignite.handlers import ProgressBar

__all__ = ["EpochProgress", "IterationProgress"]


class EpochProgress:
    """A bar over the epochs of a training.

    Runs on: ``EPOCH_COMPLETED`` of the trainer, in the first process only.

    Args:
        description: the words before the bar.
    """

    def __init__(self, description: str = "training") -> None:
        self.description = description
        self._bar: ProgressBar | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer; a second call changes nothing."""
        if engine.state.rank == 0 and self._bar is None:
            self._bar = ProgressBar(persist=True, desc=self.description, bar_format=None)
            self._bar.attach(engine, event_name=Events.EPOCH_COMPLETED, closing_event_name=Events.COMPLETED)


class IterationProgress:
    """A bar over the batches of one pass over the data.

    Runs on: ``ITERATION_COMPLETED`` of the evaluator, in the first process only.

    Args:
        description: the words before the bar.
    """

    def __init__(self, description: str = "evaluating") -> None:
        self.description = description
        self._bar: ProgressBar | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if engine.state.rank == 0 and self._bar is None:
            self._bar = ProgressBar(persist=True, desc=self.description, bar_format=None)
            self._bar.attach(engine)
