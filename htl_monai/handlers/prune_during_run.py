"""Prunes a network for the length of an engine's run."""

from __future__ import annotations

from contextlib import ExitStack

from ignite.engine import Engine, Events
from torch import nn

from htl_monai.handlers.handler import Handler
from htl_monai.pruning import Pruner, pruned


class PruneDuringRun(Handler):
    """Let any Ignite workflow see the pruned network: prune when it starts, restore the weights when it ends.

    Put it on an evaluator to validate, score or save the predictions of a pruned network with MONAI's own handlers.
    The weights come back bit for bit, also when the run stops with an error.

    Args:
        network: the dense network.
        pruner: what to remove, at its ``amount``.

    Runs on: ``STARTED``, and ``COMPLETED``, ``TERMINATE`` or ``EXCEPTION_RAISED``. List it after a handler that loads
        weights, and before those that read them and before ``StatsHandler``, which raises an error of the run at once,
        so that handlers after it do not hear of it.
    """

    events = {
        Events.STARTED: "__call__",
        Events.COMPLETED: "_restore",
        Events.TERMINATE: "_restore",
        Events.EXCEPTION_RAISED: "_restore_and_raise",
    }

    def __init__(self, network: nn.Module, pruner: Pruner) -> None:
        self.network = network
        self.pruner = pruner
        self._stack = ExitStack()

    def __call__(self, engine: Engine) -> None:
        self._stack.close()
        self._stack.enter_context(pruned(self.network, self.pruner.masks(self.network)))

    def _restore(self, engine: Engine) -> None:
        self._stack.close()

    def _restore_and_raise(self, engine: Engine, error: Exception) -> None:
        # Ignite leaves the raising to a handler of this event as soon as there is one.
        self._stack.close()
        raise error
