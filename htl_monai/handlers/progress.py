"""Shows how far an engine is, on standard error: a bar, or a line now and then where nobody watches."""

from __future__ import annotations

from typing import Any, ClassVar

from ignite.engine import Engine, Events

from htl_monai.data.progress_bar import progress_bar
from htl_monai.handlers.handler import Handler


class EpochProgress(Handler):
    """A bar over the epochs of a training with loss and scores, in the first process.

    List it after the handlers that restore a checkpoint and log the epoch.

    Args:
        description: the words in front.
        shown: whether there is a bar at all.

    Reads: ``engine.state.epoch_row`` of :class:`~htl_monai.handlers.epoch_log.EpochLog`, where there is one.
    """

    what: ClassVar[str] = "training"
    events = {Events.STARTED: "_start", Events.EPOCH_COMPLETED: "__call__", Events.COMPLETED: "_close"}

    def __init__(self, description: str | None = None, shown: bool = True) -> None:
        self.description, self.shown = description or self.what, shown
        self._bar: Any = None

    def attach(self, engine: Engine) -> None:
        """Attach to the engine of the first process; a second call changes nothing."""
        if self.shown and engine.state.rank == 0:
            super().attach(engine)

    def __call__(self, engine: Engine) -> None:
        row = getattr(engine.state, "epoch_row", {})
        scores = [f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "learning_rate")]
        self._bar.set_postfix_str(", ".join(scores), refresh=False)
        self._bar.update(1)

    def _start(self, engine: Engine) -> None:
        done, total = engine.state.epoch, engine.state.max_epochs
        self._bar = progress_bar(total=total, initial=done, title=self.description, unit="epoch")

    def _close(self, engine: Engine) -> None:
        self._bar.close()


class IterationProgress(EpochProgress):
    """A bar over the images of one pass over the data; of several processes each takes its share.

    Reads: the number of images of ``engine.data_loader``.
    """

    what = "evaluating"
    events = {Events.STARTED: "_start", Events.ITERATION_COMPLETED: "__call__", Events.COMPLETED: "_close"}

    def __call__(self, engine: Engine) -> None:
        share = engine.state.iteration / engine.state.epoch_length
        self._bar.update(round(share * self._bar.total) - self._bar.n)

    def _start(self, engine: Engine) -> None:
        self._bar = progress_bar(total=len(engine.data_loader.dataset), title=self.description)
