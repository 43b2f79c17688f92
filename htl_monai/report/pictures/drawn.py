"""A network whose masks or classes are shown beside those of others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from monai.data import list_data_collate
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray
from torch import Tensor

from htl_monai.data.readers.listing import Item
from htl_monai.engines.restored_task import RestoredTask
from htl_monai.models.model import Model
from htl_monai.pruning import Compressor
from htl_monai.pruning.weight_sweep import WeightSweep
from htl_monai.tasks.classification import Classification
from htl_monai.tasks.segmentation import Segmentation
from htl_monai.tasks.task import Task

__all__ = ["ROLES", "Drawn", "Said", "dense_and_pruned"]

ROLES = ("dense", "pruned", "arm")


@dataclass(frozen=True)
class Said:
    """What a network says of one sample, and what the label does, where its scores are taken.

    Args:
        pred: masks ``(K, ...)`` bool of the foreground classes, or probabilities ``(C,)``.
        label: masks likewise, or 0, 1 and NaN for unknown ``(C,)``; None where there is none, or of another size.
    """

    pred: NDArray[Any]
    label: NDArray[Any] | None


@dataclass(frozen=True)
class Drawn:
    """A network of a model, pruned or not; its weights come back bit for bit.

    Args:
        model: what is run.
        task: what its output means; a :class:`RestoredTask` takes it after the bundle's postprocessing.
        label: what a person calls the network.
        role: one of :data:`ROLES`.
        sparsity: how much of it is pruned, in [0, 1).
        pruner: what prunes it; needed where ``sparsity`` is above 0.
    """

    model: Model
    task: Task
    label: str
    role: str = "dense"
    sparsity: float = 0.0
    pruner: Compressor | None = None

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, got {self.role!r}; choose one of them")
        if self.sparsity and self.pruner is None:
            raise ValueError(f"pruner must be given for a sparsity of {self.sparsity}, got None; give one")

    @property
    def scored_as(self) -> Task:
        """What the output means, without the way back to the original."""
        return self.task.task if isinstance(self.task, RestoredTask) else self.task

    @property
    def restores(self) -> bool:
        """Whether masks are brought back to the file's own grid."""
        return isinstance(self.task, RestoredTask) and self.model.restores

    @cached_property
    def sweep(self) -> WeightSweep:
        """What prunes the network for a block."""
        assert self.pruner is not None
        return self.pruner.sweep(self.model.network, [self.sparsity])

    def prepared(self, item: Item) -> dict[str, Any]:
        """Return a batch of the one sample."""
        wanted = {key: item[key] for key in (Keys.IMAGE, Keys.LABEL) if item.get(key) is not None}
        batch: dict[str, Any] = list_data_collate([{**self.model.prepare(wanted), "id": item["id"]}])
        return batch

    def says(self, batch: Mapping[str, Any]) -> Said:
        """Return what it says of a batch of one, which any network of the same preprocessing may have prepared."""
        with self.sweep.at(self.sparsity) if self.sparsity else nullcontext():
            output = self.model.predict(batch)
        output[Keys.PRED] = self.task.select(output[Keys.PRED])
        label = output.get(Keys.LABEL)
        task = self.scored_as
        if isinstance(task, Classification):
            given = None if label is None else _array(task.of_label(torch.as_tensor(label))["label"][0])
            return Said(_array(task.scores({Keys.PRED: output[Keys.PRED]})["probability"][0]), given)
        assert isinstance(task, Segmentation)
        if isinstance(self.task, RestoredTask):
            self.task.batch = batch
            (output,) = self.task.restored(output)
            label = output.get(Keys.LABEL)
        pred = self._masks(task.drawn(output[Keys.PRED]))
        truth = None if label is None else self._masks(task.actual(label))
        return Said(pred, truth if truth is not None and truth.shape == pred.shape else None)

    def _masks(self, drawn: Tensor) -> NDArray[np.bool_]:
        task = self.scored_as
        assert isinstance(task, Segmentation)
        numbers = [task.classes.index(name) for name in task.foreground]
        masks: NDArray[np.bool_] = task.one_hot(drawn)[0, numbers].cpu().numpy()
        return masks


def dense_and_pruned(model: Model, task: Task, level: float, pruner: Compressor | None) -> dict[str, Drawn]:
    """Return a network as it is and, where the pruner is known, at one level of compression, by the names that pictures
    and pages know them by.
    """
    dense = {"dense": Drawn(model, task, "unpruned network")}
    if pruner is None:
        return dense
    return {
        **dense,
        "pruned": Drawn(model, task, f"{100 * level:g} % pruned", "pruned", level, pruner),
    }


def _array(values: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = values.detach().cpu().numpy()
    return array
