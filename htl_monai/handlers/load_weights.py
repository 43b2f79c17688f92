"""Loads weights when an engine starts."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.handlers import CheckpointLoader

from htl_monai.handlers.handler import Handler
from htl_monai.networks.weights import load_weights


class LoadWeights(Handler, CheckpointLoader):
    """MONAI's ``CheckpointLoader``, which here stops with a sentence that says how a checkpoint differs.

    Its arguments are MONAI's: ``load_path`` is a file of weights, ``load_dict`` has the network, wrapped for several
    processes or not, as in ``{"model": network}``.
    """

    events = {Events.STARTED: "__call__"}

    def __call__(self, engine: Engine) -> None:
        for network in self.load_dict.values():
            load_weights(network, self.load_path)
