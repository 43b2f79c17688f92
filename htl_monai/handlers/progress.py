"""Shows how far an engine is, on standard error."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events

from htl_monai.data.progress_bar import progress_bar

__all__ = ["EpochProgress", "IterationProgress"]


class EpochProgress:
    """A bar over the epochs of a training with loss and scores, or a line now and then where nobody watches.

    Runs on: ``STARTED``, ``EPOCH_COMPLETED`` and ``COMPLETED`` of the trainer, in the first process only. List it
        after the handlers that restore a checkpoint and log the epoch.
    Reads: ``engine.state.epoch_row`` of :class:`~htl_monai.handlers.epoch_log.EpochLog`, where there is one.

    Args:
        description: the words in front.
        shown: whether there is a bar at all.
    """

    def __init__(self, description: str = "training", shown: bool = True) -> None:
        self.description = description
        self.shown = shown
        self._bar: Any = None

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer; a second call changes nothing."""
        if self.shown and engine.state.rank == 0 and not engine.has_event_handler(self, Events.EPOCH_COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)
            engine.add_event_handler(Events.COMPLETED, lambda: self._bar.close())

    def __call__(self, engine: Engine) -> None:
        row = getattr(engine.state, "epoch_row", {})
        scores = [f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "learning_rate")]
        self._bar.set_postfix_str(", ".join(scores), refresh=False)
        self._bar.update(1)

    def _start(self, engine: Engine) -> None:
        done, total = engine.state.epoch, engine.state.max_epochs
        self._bar = progress_bar(total=total, initial=done, title=self.description, unit="epoch")


class IterationProgress:
    """A bar over the images of one pass over the data, or a line now and then where nobody watches.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of the evaluator, in the first process only.
    Reads: the number of images of ``engine.data_loader``; of several processes each takes its share.

    Args:
        description: the words in front.
        shown: whether there is a bar at all.
    """

    def __init__(self, description: str = "evaluating", shown: bool = True) -> None:
        self.description = description
        self.shown = shown
        self._bar: Any = None

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if self.shown and engine.state.rank == 0 and not engine.has_event_handler(self, Events.ITERATION_COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)
            engine.add_event_handler(Events.COMPLETED, lambda: self._bar.close())

    def __call__(self, engine: Engine) -> None:
        share = engine.state.iteration / engine.state.epoch_length
        self._bar.update(round(share * self._bar.total) - self._bar.n)

    def _start(self, engine: Engine) -> None:
        total = len(engine.data_loader.dataset)
        self._bar = progress_bar(total=total, title=self.description)
