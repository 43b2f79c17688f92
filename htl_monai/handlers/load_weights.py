"""Loads weights when an engine starts."""

from __future__ import annotations

import os

from ignite.engine import Engine, Events
from torch import nn

from htl_monai.handlers.handler import Handler
from htl_monai.networks.weights import load_weights

__all__ = ["LoadWeights"]


class LoadWeights(Handler):
    """Load a checkpoint into the network, or stop with a sentence that says how it differs.

    Args:
        network: the network to fill, wrapped for several processes or not.
        path: its weights.
    """

    events = {Events.STARTED: "__call__"}

    def __init__(self, network: nn.Module, path: str | os.PathLike[str]) -> None:
        self.network = network
        self.path = path

    def __call__(self, engine: Engine) -> None:
        load_weights(self.network, self.path)
