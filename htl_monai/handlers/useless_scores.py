"""Warns at the end of an evaluation whose network is no better than a mask of the whole image."""

from __future__ import annotations

from collections.abc import Collection

from ignite.engine import Engine, Events

from htl_monai.handlers.spoken_warning import warn_of_useless
from htl_monai.metrics.usefulness import useless_masks
from htl_monai.scores import table_of

__all__ = ["UselessScores"]


class UselessScores:
    """Judge the scores of an evaluation; list it after :class:`~htl_monai.handlers.scores_writer.ScoresWriter`.

    Args:
        arm: what is evaluated.
        except_for: arms that are not judged: those that no training made.

    Runs on: ``COMPLETED`` of an evaluator, in the first process.
    Reads: ``engine.state.scores``.
    """

    def __init__(self, arm: str = "dense", except_for: Collection[str] = ()) -> None:
        self.judges = arm not in except_for

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if self.judges and not engine.has_event_handler(self, Events.COMPLETED):
            engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        if engine.state.rank == 0:
            warn_of_useless("the network", useless_masks(table_of(engine.state.scores, 0.0)), "after the evaluation")
