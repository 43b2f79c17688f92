"""Warns of a network that learned nothing: early in a mining, after a training or an evaluation; the run goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from ignite.engine import Engine, Events
from monai.engines import Evaluator, Trainer

from htl_monai.data.files import read_table
from htl_monai.data.spoken_warning import warn
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.handler import Handler
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.scores import at_level
from htl_monai.tasks.task import task_named
from htl_monai.tasks.usefulness import ADVICE, useless_metric

__all__ = ["QuickLook", "UselessScores", "UselessTraining"]


class QuickLook(Handler):
    """Warn as soon as the dense network's first predictions in a mining show that it learned nothing.

    Args:
        n_images: so many images are looked at, or all where there are fewer; from 1.

    Runs on: a ``ForgettingEvaluator``; in the first process.
    Reads: ``engine.state.output["dense"]`` and ``["label"]``.
    """

    events = {Events.STARTED: "_start", Events.ITERATION_COMPLETED: "__call__", Events.COMPLETED: "_judge"}

    def __init__(self, n_images: int = 32) -> None:
        if n_images < 1:
            raise ValueError(f"n_images must be at least 1, got {n_images}; 32 is usual")
        self.n_images = n_images
        self._collector = ScoreCollector()
        self._n_seen = 0
        self._is_done = False

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
        if not self._is_done and self._n_seen:
            self._is_done = True
            reason = engine.task.useless(self._collector.own())
            _warn_of("the dense network", reason, f"first {self._n_seen} images")


class UselessScores(Handler):
    """Warn where an evaluated network is no better than an answer that looks at no image.

    List it after :class:`~htl_monai.handlers.scores_writer.ScoresWriter`.

    Args:
        arm: what is evaluated.
        except_for: arms that are not judged: those that no training made.

    Reads: ``engine.state.scores``.
    """

    events = {Events.COMPLETED: "__call__"}

    def __init__(self, arm: str = "dense", except_for: Collection[str] = ()) -> None:
        self.wanted = arm not in except_for

    def __call__(self, engine: Engine) -> None:
        if engine.state.rank == 0:
            scores = at_level(engine.state.scores, 0.0)
            task = task_named(scores.attrs["task"])(tuple(scores["class"].values), tuple(scores.attrs["foreground"]))
            reason = task.useless({str(name): values.values for name, values in scores.data_vars.items()})
            _warn_of("the network", reason, "after the evaluation")


class UselessTraining(Handler):
    """Warn where the trained network is no better than an answer that looks at no image.

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
        self.path, self.validator, self.metric, self.chance, self.of = Path(path), validator, metric, chance, of

    def __call__(self, engine: Trainer) -> None:
        if engine.state.rank != 0 or not self.path.is_file():
            return
        epochs = read_table(self.path)
        kept = epochs[epochs["epoch"] == self.validator.state.best_metric_epoch]
        if len(kept) and self.metric in kept:
            value = float(kept[self.metric].iloc[0])
            reason = useless_metric(self.metric, value, float(self.chance()), self.of)
            _warn_of("the network", reason, "after the training")


def _warn_of(network: str, reason: str | None, after: str) -> None:
    if reason is not None:
        warn(f"{after}: {network} {reason}; {ADVICE}")
