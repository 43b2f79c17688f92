"""Makes a training resumable: the state after each epoch, and the start from it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import Evaluator, Trainer
from torch import nn

from htl_monai.handlers.handler import Handler
from htl_monai.networks.tensor_file import load_tensors, save_tensors
from htl_monai.networks.weights import load_weights
from htl_monai.networks.wrapping import unwrapped


class TrainingCheckpoint(Handler):
    """Save network, optimizer, schedule and best metric after every epoch, and start from them where they exist.

    With :class:`~htl_monai.handlers.epoch_seed.EpochSeed`, which draws every epoch's randomness from seed and epoch, a
    training that was killed and resumed ends with the same weights as one that was not.

    Args:
        path: the checkpoint file, replaced atomically after each epoch.
        network: the network in training, with its ``optimizer`` and, if there is one, its ``lr_scheduler``.
        validator: the evaluator whose best metric is remembered, if there is one.
        initial_weights: where a training without a checkpoint starts: weights to load, or None for the network as it
            is. Fine-tuning gives the dense network's.

    Runs on: a trainer; list it after the validation handler.
    Writes: ``path``, in the first process only.
    """

    events = {Events.STARTED: "restore", Events.EPOCH_COMPLETED: "__call__"}

    def __init__(
        self,
        path: str | os.PathLike[str],
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        lr_scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        validator: Evaluator | None = None,
        initial_weights: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path, self.initial_weights = Path(path), initial_weights
        self.network, self.optimizer, self.lr_scheduler, self.validator = network, optimizer, lr_scheduler, validator

    def __call__(self, engine: Trainer) -> None:
        if engine.state.rank == 0:
            save_tensors(self.state_dict(engine), self.path)

    def state_dict(self, engine: Trainer) -> dict[str, Any]:
        """Return all that the next epoch depends on."""
        state = {
            "network": unwrapped(self.network).state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": engine.state.epoch,
        }
        if self.lr_scheduler is not None:
            state["lr_scheduler"] = self.lr_scheduler.state_dict()
        if self.validator is not None:
            state["best_metric"] = float(self.validator.state.best_metric)
            state["best_metric_epoch"] = self.validator.state.best_metric_epoch
        return state

    def restore(self, engine: Trainer) -> None:
        """Go on after the last saved epoch, or start from the initial weights."""
        if not self.path.is_file():
            if self.initial_weights is not None:
                load_weights(self.network, self.initial_weights)
            return
        state = load_tensors(self.path, map_location=engine.state.device)
        try:
            self._load(state)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"checkpoint {self.path} is of another network or optimizer; delete it to start anew, or give another "
                "output folder"
            ) from error
        engine.state.epoch = state["epoch"]
        engine.state.iteration = state["epoch"] * engine.state.epoch_length
        logging.getLogger(__name__).info(f"Resuming after epoch {state['epoch']} from {self.path}.")

    def _load(self, state: dict[str, Any]) -> None:
        """Take over a state, after a look at the parts that nobody else looks at."""
        _require_like(state["epoch"], 1)
        if self.validator is not None:
            _require_like(state["best_metric"], 1.0)
            _require_like(state["best_metric_epoch"], self.validator.state.best_metric_epoch)
        if self.lr_scheduler is not None:
            _require_like(state["lr_scheduler"], self.lr_scheduler.state_dict())
        unwrapped(self.network).load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.lr_scheduler is not None:
            self.lr_scheduler.load_state_dict(state["lr_scheduler"])
        if self.validator is not None:
            self.validator.state.best_metric = state["best_metric"]
            self.validator.state.best_metric_epoch = state["best_metric_epoch"]


def _require_like(value: Any, own: Any) -> None:
    """Refuse a value of another type than the own one, or a mapping of other keys or types."""
    if type(value) is not type(own):
        raise TypeError(f"checkpoint must hold {type(own).__name__}, got {type(value).__name__}; delete it")
    if isinstance(own, dict):
        if value.keys() != own.keys():
            raise KeyError(f"checkpoint must hold {', '.join(map(str, own))}, got other keys; delete it")
        for key in own:
            _require_like(value[key], own[key])
