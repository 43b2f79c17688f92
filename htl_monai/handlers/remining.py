"""Mines again while training, so that the sampler follows what is forgotten now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ignite.engine import Events
from monai.engines import Trainer
from torch.utils.data import Sampler

from htl_monai.attention.htl import HTLWeightedSampler
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.scores import read_scores

__all__ = ["Remining"]


class Remining:
    """Run the miner every ``interval`` epochs and give what it mined to the sampler.

    With a sampler that does not weigh images, or an interval of 0, it does nothing.

    Args:
        miner: an evaluator with a :class:`~htl_monai.handlers.scores_writer.ScoresWriter` handler over the
            training list, on the network in training (and no handler that loads weights).
        sampler: the training's sampler.
        interval: epochs between two minings; 0 for none.
        start: the first epoch before which is mined; before it the sampler keeps its weights.
        mined_path: where the miner's handler writes. A resumed training takes the last scores from there, so that its
            sampler knows what the killed one's knew; None gives that up.

    Runs on: ``STARTED`` and ``EPOCH_STARTED`` of the trainer, in every process; list it after the checkpoint handler.
    Reads: ``miner.state.scores``.
    Writes: ``sampler.weights``.
    """

    def __init__(
        self,
        miner: ForgettingEvaluator,
        sampler: Sampler[Any] | None,
        interval: int = 5,
        start: int = 2,
        mined_path: str | os.PathLike[str] | None = None,
    ) -> None:
        if interval < 0 or start < 1:
            raise ValueError(
                f"interval must be at least 0 and start at least 1, got {interval} and {start}; count in epochs"
            )
        self.miner = miner
        # Any: the trainer has another sampler where none weighs images, and then this handler does nothing.
        self.sampler: Any = sampler
        self.interval = interval
        self.start = start
        self.mined_path = None if mined_path is None else Path(mined_path)

    def attach(self, engine: Trainer) -> None:
        """Attach to the trainer; a second call changes nothing."""
        mines = self.interval > 0 and isinstance(self.sampler, HTLWeightedSampler)
        if mines and not engine.has_event_handler(self, Events.EPOCH_STARTED):
            engine.add_event_handler(Events.STARTED, self._restore)
            engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Trainer) -> None:
        past = engine.state.epoch - self.start
        if past >= 0 and past % self.interval == 0:
            self.miner.run(engine.state.epoch)
            self.sampler.refresh(self.miner.state.scores)

    def _restore(self, engine: Trainer) -> None:
        if engine.state.epoch >= self.start and self.mined_path is not None and self.mined_path.is_file():
            self.sampler.refresh(read_scores(self.mined_path))
