"""Scores what a bundle makes of its network's output: masks after its own postprocessing, at the size that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.data import decollate_batch
from monai.transforms import MapTransform
from monai.utils import CommonKeys as Keys
from numpy.typing import NDArray
from torch import Tensor

from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.model import Model
from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.task import Task

__all__ = ["RestoredTask"]


class RestoredTask(Task):
    """A task whose scores are taken sample by sample after the bundle's postprocessing.

    Where that inverts the preprocessing, scores are those at the original size and geometry, as the bundle's own
    evaluator has them. Agreement and doubt, which no evaluator of a bundle knows, stay at the size of the network.

    Args:
        task: how one sample is scored.
        model: its postprocessing is run.

    Reads: ``batch``, which whoever takes a batch to the device leaves here for its way back.
    """

    def __init__(self, task: Task, model: Model) -> None:
        super().__init__(task.classes, task.foreground, task.selector, task.probabilities)
        self.task = task
        self.model = model
        self.batch: Mapping[str, Any] = {}
        for name in ("name", "primary", "primary_agreement"):
            object.__setattr__(self, name, getattr(task, name))
        steps = () if model.postprocessing is None else model.postprocessing.flatten().transforms
        touched = {str(key) for step in steps if isinstance(step, MapTransform) for key in step.keys}
        self.label_key = model.label_key if model.label_key in touched else str(Keys.LABEL)

    def scores(self, output: Mapping[str, Any]) -> dict[str, Tensor]:
        label = output.get(Keys.LABEL)
        if label is None or self.model.postprocessing is None or output[Keys.PRED].ndim < 3:
            return self.task.scores(output)
        rows = [self.task.scores(sample) for sample in self.restored(output)]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}

    def restored(self, output: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return ``pred``, and ``label`` where there is one, of each sample of the batch as they are scored.

        Each is a batch of one: sizes may differ.
        """
        if self.model.postprocessing is None or output[Keys.PRED].ndim < 3:
            return [
                {key: output[key][index][None] for key in (Keys.PRED, Keys.LABEL) if output.get(key) is not None}
                for index in range(len(output[Keys.PRED]))
            ]
        given = {key: output[key] for key in (Keys.PRED, Keys.LABEL) if output.get(key) is not None}
        return [self._of_sample(dict(sample)) for sample in decollate_batch({**self.batch, **given})]

    def agreement(self, pred: Tensor, dense: Tensor) -> dict[str, Tensor]:
        return self.task.agreement(pred, dense)

    def doubt(self, pred: Tensor) -> dict[str, Tensor]:
        return self.task.doubt(pred)

    def dynamics(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        return self.task.dynamics(pred, label)

    def plausibility(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Return nothing where the bundle leaves the label at its original size: the network's pixels are others."""
        return self.task.plausibility(pred, label) if pred.shape[2:] == label.shape[2:] else {}

    def of_label(self, label: Tensor) -> dict[str, Tensor]:
        return self.task.of_label(label)

    def useless(self, scores: Mapping[str, NDArray[Any]]) -> str | None:
        return self.task.useless(scores)

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return False

    def _of_sample(self, sample: dict[str, Any]) -> dict[str, Any]:
        assert self.model.postprocessing is not None
        try:
            done = self.model.postprocessing(dict(sample))
        except Exception as error:  # transforms of anybody
            if Keys.LABEL in sample:
                self.task.of_label(sample[Keys.LABEL][None])  # says it better, where the label is to blame
            raise ValueError(
                f"postprocessing of {self.model.bundle} must take what the network says of {sample['id']}, got: "
                f"{first_cause(error)}; correct the config, or score at the network's size"
            ) from error
        keys = {Keys.PRED: Keys.PRED} | ({Keys.LABEL: self.label_key} if Keys.LABEL in sample else {})
        return {key: done[name][None] for key, name in keys.items()}
