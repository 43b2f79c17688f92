"""Warns at the end of an evaluation whose network is no better than an answer that looks at no image."""

from __future__ import annotations

from collections.abc import Collection

from ignite.engine import Engine, Events

from htl_monai.handlers.handler import Handler
from htl_monai.handlers.spoken_warning import warn_of_useless
from htl_monai.scores import at_level
from htl_monai.tasks.task import task_named


class UselessScores(Handler):
    """Judge the scores of an evaluation; list it after :class:`~htl_monai.handlers.scores_writer.ScoresWriter`.

    Args:
        arm: what is evaluated.
        except_for: arms that are not judged: those that no training made.

    Reads: ``engine.state.scores``.
    """

    events = {Events.COMPLETED: "__call__"}

    def __init__(self, arm: str = "dense", except_for: Collection[str] = ()) -> None:
        self.wanted = arm not in except_for

    def __call__(self, engine: Engine) -> None:
        scores = at_level(engine.state.scores, 0.0)
        task = task_named(scores.attrs["task"])(tuple(scores["class"].values), tuple(scores.attrs["foreground"]))
        if engine.state.rank == 0:
            reason = task.useless({str(name): values.values for name, values in scores.data_vars.items()})
            warn_of_useless("the network", reason, "after the evaluation")
