"""Mines again while training, so that the sampler follows what is forgotten now."""

from __future__ import annotations

import os
from pathlib import Path

from ignite.engine import Events
from monai.engines import Trainer
from xarray import Dataset

from htl_monai.attention.attend import PolicySampler
from htl_monai.attention.selection import ranking_of
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.handler import Handler
from htl_monai.scores import read_scores

__all__ = ["Remining"]


class Remining(Handler):
    """Run the miner every so many epochs as the sampler's policy says, and give the sampler what is hard now.

    Args:
        miner: an evaluator with a :class:`~htl_monai.handlers.scores_writer.ScoresWriter` handler over the training
            list, on the network in training (and no handler that loads weights).
        sampler: the training's.
        selection_path: what the arm chose; its ranking is the one that is made again.
        mined_path: where the miner's handler writes; a resumed training takes what the killed one knew from there.
        start: the first epoch before which is mined; before it the sampler keeps its weights.

    Runs on: a trainer, in every process; list it after the checkpoint handler.
    """

    events = {Events.STARTED: "_restore", Events.EPOCH_STARTED: "__call__"}

    def __init__(
        self,
        miner: ForgettingEvaluator,
        sampler: PolicySampler,
        selection_path: str | os.PathLike[str],
        mined_path: str | os.PathLike[str],
        start: int = 2,
    ) -> None:
        if start < 1:
            raise ValueError(f"start must be at least 1, got {start}; count in epochs")
        self.miner, self.sampler, self.start = miner, sampler, start
        self.selection_path, self.mined_path = selection_path, Path(mined_path)

    def __call__(self, engine: Trainer) -> None:
        past = engine.state.epoch - self.start
        if past >= 0 and past % self.sampler.policy.remine_every == 0:
            self.miner.run(engine.state.epoch)
            self._refresh(self.miner.state.scores)

    def _restore(self, engine: Trainer) -> None:
        if engine.state.epoch >= self.start and self.mined_path.is_file():
            self._refresh(read_scores(self.mined_path))

    def _refresh(self, scores: Dataset) -> None:
        values = ranking_of(self.selection_path)(scores)
        self.sampler.refresh(dict(zip(scores["sample"].values, values.tolist(), strict=True)))
