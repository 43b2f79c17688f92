"""Structures that may lie in one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.segmentation import Counts, Segmentation, whole_numbers

__all__ = ["MultilabelSegmentation"]


@dataclass(frozen=True)
class MultilabelSegmentation(Segmentation):
    """Segmentation by sigmoid: each channel is a mask of its own, drawn where its probability is above one half.

    Example:
        >>> task = MultilabelSegmentation(("tumor core", "whole tumor"))
        >>> pred = torch.tensor([[-1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]).view(1, 2, 1, 3)
        >>> label = torch.tensor([[0, 1, 0], [1, 1, 1]]).view(1, 2, 1, 3)
        >>> task.scores({"pred": pred, "label": label})["iou"].tolist()
        [[0.5, 1.0]]
    """

    name: ClassVar[str] = "multilabel_segmentation"
    exclusive: ClassVar[bool] = False

    def drawn(self, pred: Tensor) -> Tensor:
        return self._channels(pred, "pred") > (0.5 if self.probabilities else 0)

    def actual(self, label: Tensor) -> Tensor:
        return whole_numbers(self._channels(label, "label"), 2, "label") == 1

    def counts(self, drawn: Tensor, actual: Tensor) -> Counts:
        drawn, actual = drawn.flatten(2), actual.flatten(2)
        return (drawn & actual).sum(dim=2), drawn.sum(dim=2), actual.sum(dim=2)

    def one_hot(self, drawn: Tensor) -> Tensor:
        return drawn

    def pixel_probabilities(self, pred: Tensor) -> Tensor:
        return pred if self.probabilities else torch.sigmoid(pred)

    def pixel_entropy(self, prob: Tensor) -> Tensor:
        """Return the entropy at each pixel, the mean over the classes."""
        return (torch.special.entr(prob) + torch.special.entr(1 - prob)).mean(dim=1)

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "segmentation" and output.channels > 1 and output.activation == "sigmoid"

    def _channels(self, values: Tensor, name: str) -> Tensor:
        c = len(self.classes)
        if values.ndim < 3 or values.shape[1] != c:
            raise ValueError(
                f"{name} must be (N, {c}, ...), got {tuple(values.shape)}; choose the task, the selector or the "
                f"classes, now {list(self.classes)}"
            )
        return values
