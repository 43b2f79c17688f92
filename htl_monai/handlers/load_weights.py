"""Loads weights when an engine starts."""

from __future__ import annotations

import os

from ignite.engine import Engine, Events
from torch import nn

from htl_monai.networks.weights import load_weights

__all__ = ["LoadWeights"]


class LoadWeights:
    """Load a checkpoint into the network, or stop with a sentence that says how it differs.

    Args:
        network: the network to fill, wrapped for several processes or not.
        path: its weights.

    Runs on: ``STARTED``.
    """

    def __init__(self, network: nn.Module, path: str | os.PathLike[str]) -> None:
        self.network = network
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Attach to the engine; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.STARTED):
            engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        load_weights(self.network, self.path)
