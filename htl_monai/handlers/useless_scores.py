"""Warns at the end of an evaluation whose network is no better than a mask of the whole image."""

from __future__ import annotations

from collections.abc import Collection

from ignite.engine import Engine, Events

from htl_monai.handlers.handler import Handler
from htl_monai.handlers.spoken_warning import warn_of_useless
from htl_monai.scores import table_of
from htl_monai.tasks.usefulness import useless_masks


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
        if engine.state.rank == 0:
            warn_of_useless("the network", useless_masks(table_of(engine.state.scores, 0.0)), "after the evaluation")
