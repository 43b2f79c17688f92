"""Draws the randomness of every epoch from the seed and the epoch alone."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.data import Dataset
from monai.utils import set_determinism
from monai.utils.misc import MAX_SEED

from htl_monai.handlers.handler import Handler


class EpochSeed(Handler):
    """Seed shuffling and random transforms at the start of each epoch.

    An epoch then is the same whether the training came to it in one go or was killed and resumed before it.

    Args:
        seed: the run's seed, an integer from 0.
        dataset: the training dataset, whose random transforms are seeded too; they draw from a generator of their own.

    Reads: ``engine.state.epoch``, ``engine.state.rank``; each process has randomness of its own.
    """

    events = {Events.EPOCH_STARTED: "__call__"}

    def __init__(self, seed: int, dataset: Dataset | None = None) -> None:
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}; give a non-negative integer")
        self.seed = seed
        self.dataset = dataset

    def __call__(self, engine: Engine) -> None:
        # Two odd strides keep (seed, epoch, rank) apart without arithmetic that could collide for small runs.
        seed = (self.seed * 1_000_003 + engine.state.epoch * 1_009 + engine.state.rank) % MAX_SEED
        set_determinism(seed)
        set_random_state = getattr(getattr(self.dataset, "transform", None), "set_random_state", None)
        if set_random_state is not None:
            set_random_state(seed)
