"""Records what a training says of each sample, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import Trainer
from torch import Tensor

from htl_monai.handlers.handler import Handler
from htl_monai.scores import make_scores, read_scores, write_scores
from htl_monai.tasks.task import Task

VARIABLES = ("dynamics_error", "dynamics_margin", "dynamics_confidence", "dynamics_correct")


class TrainingDynamics(Handler):
    """Write ``dynamics.nc``, of which EL2N, AUM, forgetting events and variability are ranked.

    A sample is recorded as the training sees it, augmented, with the weights that the epoch has reached by then, as the
    papers do; one that an epoch draws several times with the mean, one that it does not draw with NaN. Memory grows
    with samples and epochs alone. A resumed training goes on with the epochs of the file: list this handler before the
    checkpoint's, so that no epoch that is not repeated lacks its record. The trainer's ``decollate`` is off.

    Args:
        data: the training list; a sample that stands there several times has one record.
        path: the file, replaced atomically after each epoch.
        task: what the network says, and how it is held against the label.
        wanted: record at all.

    Reads: ``engine.state.batch["id"]``; ``pred`` and ``label`` of ``engine.state.output``.
    Writes: ``path``, in the first process only: ``dynamics_error``, ``dynamics_margin``, ``dynamics_confidence`` and
        ``dynamics_correct`` over (epoch, sample), see :meth:`htl_monai.tasks.task.Task.dynamics`.
    """

    events = {
        Events.EPOCH_STARTED: "_start",
        Events.ITERATION_COMPLETED: "_collect",
        Events.EPOCH_COMPLETED: "__call__",
    }

    def __init__(
        self, data: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], task: Task, wanted: bool = True
    ) -> None:
        self.data = list({item["id"]: item for item in data if wanted}.values())
        self.path, self.task, self.wanted = Path(path), task, wanted
        self._places = {item["id"]: place for place, item in enumerate(self.data)}
        self._epochs: list[Tensor] = []
        self._sums = torch.zeros(0)

    def __call__(self, engine: Trainer) -> None:
        sums = idist.all_reduce(self._sums)
        drawn = sums[-1:]
        means = torch.where(drawn > 0, sums[:-1] / drawn, torch.nan)
        self._epochs.append(means.cpu().float())
        if engine.state.rank == 0:
            found = make_scores(self.data, list(self._places), {}, [0.0], self.task.classes, task=self.task.name)
            recorded = torch.stack(self._epochs, dim=1)
            found = found.assign({name: (("epoch", "sample"), recorded[i].numpy()) for i, name in enumerate(VARIABLES)})
            found.attrs |= {"primary": VARIABLES[0], "foreground": list(self.task.foreground)}
            write_scores(self.path, found)

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs recorded so far, ``(E, 4, N)``."""
        return {"epochs": torch.stack(self._epochs) if self._epochs else torch.zeros(0, 4, len(self.data))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after the epochs of a state."""
        self._epochs = list(state["epochs"])

    def _start(self, engine: Trainer) -> None:
        self._sums = torch.zeros(len(VARIABLES) + 1, len(self.data), dtype=torch.float64, device=engine.state.device)
        earlier = engine.state.epoch - 1
        if len(self._epochs) < earlier:
            self.load_state_dict({"epochs": self._recorded(earlier)})
        self._epochs = self._epochs[:earlier]

    def _recorded(self, earlier: int) -> Tensor:
        """Read the epochs that a training was killed after."""
        remedy = "delete the checkpoint beside it to train anew, or leave record_dynamics off"
        if not self.path.is_file():
            raise ValueError(f"{self.path} must hold the {earlier} epochs before, got no file; {remedy}")
        found = read_scores(self.path)
        same = found["sample"].values.tolist() == list(self._places) and set(VARIABLES) <= set(found.data_vars)
        if not same or found.sizes.get("epoch", 0) < earlier:
            raise ValueError(
                f"{self.path} must hold the {earlier} epochs before of the same samples, got "
                f"{found.sizes.get('epoch', 0)} of {found.sizes['sample']} samples; {remedy}"
            )
        return torch.stack([torch.from_numpy(found[name].values[:earlier]) for name in VARIABLES], dim=1).float()

    def _collect(self, engine: Trainer) -> None:
        output = engine.state.output
        with torch.no_grad():
            found = self.task.dynamics(self.task.select(output["pred"]), output["label"])
            rows = torch.stack([found[name].double() for name in VARIABLES])
        known = ~torch.isnan(rows).any(dim=0, keepdim=True)
        rows = torch.cat([rows.masked_fill(~known, 0), known.double()])
        places = torch.tensor([self._places[id_] for id_ in engine.state.batch["id"]], device=rows.device)
        self._sums.index_add_(1, places, rows)
