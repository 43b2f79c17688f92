"""Tells the class of each image where the inferer returns heat maps."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import IterationEvents
from torch import Tensor, nn

from htl_monai.handlers.handler import Handler
from htl_monai.networks.first_output import first_output


class ClassProbabilities(Handler):
    """Put the probabilities of the classes into the output of an evaluator, from the pass that the heat maps need.

    Args:
        network: the evaluator's; returns logits ``(N, C)``.
        key: where the probabilities go.

    Reads: the output of the network.
    Writes: ``engine.state.output[key]``, ``(N, C)`` float32, before postprocessing.
    """

    events = {Events.ITERATION_STARTED: "_start", IterationEvents.FORWARD_COMPLETED: "__call__"}

    def __init__(self, network: nn.Module, key: str = "class_prob") -> None:
        self.key = key
        self.network = network
        self._hook = ExitStack()
        self._outputs: list[Any] = []

    def __call__(self, engine: Engine) -> None:
        self._hook.close()
        logits = next(iter(self._outputs), None)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"network must return logits (N, C), got {got}; use one that classifies")
        engine.state.output[self.key] = torch.softmax(logits.float(), dim=1)

    def _start(self, engine: Engine) -> None:
        self._hook.close()
        self._outputs = self._hook.enter_context(first_output(self.network))
