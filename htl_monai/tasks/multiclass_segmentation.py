"""Structures of which each pixel has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.segmentation import Counts, Segmentation, whole_numbers

__all__ = ["MulticlassSegmentation"]


@dataclass(frozen=True)
class MulticlassSegmentation(Segmentation):
    """Segmentation by softmax: the largest channel decides, the first of equal ones.

    Example:
        >>> task = MulticlassSegmentation(("background", "liver", "spleen"))
        >>> maps = torch.tensor([[[[0, 1, 1]]]]), torch.tensor([[[[0, 1, 0]]]])
        >>> task.scores({"pred": maps[0], "label": maps[1]})["iou"].tolist()
        [[0.5, 0.5, nan]]
    """

    name: ClassVar[str] = "multiclass_segmentation"

    def drawn(self, pred: Tensor) -> Tensor:
        return self._numbers(pred, "pred")

    def actual(self, label: Tensor) -> Tensor:
        return self._numbers(label, "label")

    def counts(self, drawn: Tensor, actual: Tensor) -> Counts:
        n, c = len(drawn), len(self.classes)
        # One pass, however many classes: the pairs of classes of each sample are counted, and summed by row and column.
        rows = torch.arange(n, device=drawn.device)[:, None] * c
        pairs = ((rows + drawn.flatten(1)) * c + actual.flatten(1)).flatten()
        table = torch.bincount(pairs, minlength=n * c * c).view(n, c, c)
        return table.diagonal(dim1=1, dim2=2), table.sum(dim=2), table.sum(dim=1)

    def one_hot(self, drawn: Tensor) -> Tensor:
        return torch.stack([drawn == number for number in range(len(self.classes))], dim=1)

    def pixel_probabilities(self, pred: Tensor) -> Tensor:
        return pred if self.probabilities else torch.softmax(pred, dim=1)

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "segmentation" and output.channels > 2 and output.activation == "softmax"

    def _numbers(self, values: Tensor, name: str) -> Tensor:
        c = len(self.classes)
        if values.ndim > 2 and values.shape[1] == c:
            return (values.byte() if values.dtype == torch.bool else values).argmax(dim=1)
        if values.ndim > 2 and values.shape[1] == 1:
            return whole_numbers(values[:, 0], c, name)
        raise ValueError(
            f"{name} must be (N, {c}, ...) or numbers of classes (N, 1, ...), got {tuple(values.shape)}; choose the "
            f"task, the selector or the classes, now {list(self.classes)}"
        )
