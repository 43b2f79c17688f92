"""Looks at the dense network on the first images of a mining, before the long part."""

from __future__ import annotations

from ignite.engine import Events

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.handlers.spoken_warning import warn_of_useless

__all__ = ["QuickLook"]


class QuickLook:
    """Warn as soon as the dense network's first predictions show that it learned nothing; the mining goes on.

    Args:
        n_images: so many images are looked at, or all where there are fewer; from 1.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of a ``ForgettingEvaluator``; in the first process.
    Reads: ``engine.state.output["dense"]`` and ``["label"]``.
    """

    def __init__(self, n_images: int = 32) -> None:
        if n_images < 1:
            raise ValueError(f"n_images must be at least 1, got {n_images}; 32 is usual")
        self.n_images = n_images
        self._collector = ScoreCollector()
        self._n_seen = 0
        self._is_done = False

    def attach(self, engine: ForgettingEvaluator) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.ITERATION_COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)
            engine.add_event_handler(Events.COMPLETED, self._judge)

    def __call__(self, engine: ForgettingEvaluator) -> None:
        if self._is_done or engine.state.rank != 0:
            return
        output, ids = engine.state.output, engine.state.batch["id"]
        of_label = {} if output["label"] is None else engine.task.of_label(output["label"])
        self._collector.add(ids, output["dense"] | of_label)
        self._n_seen += len(ids)
        if self._n_seen >= self.n_images:
            self._judge(engine)

    def _start(self, engine: ForgettingEvaluator) -> None:
        self._collector.clear()
        self._n_seen, self._is_done = 0, False

    def _judge(self, engine: ForgettingEvaluator) -> None:
        if self._is_done or not self._n_seen:
            return
        self._is_done = True
        reason = engine.task.useless(self._collector.own())
        warn_of_useless("the dense network", reason, f"first {self._n_seen} images")
