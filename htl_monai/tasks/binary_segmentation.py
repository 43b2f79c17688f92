"""One structure and its background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.segmentation import Counts, Segmentation, whole_numbers

__all__ = ["BinarySegmentation"]


@dataclass(frozen=True)
class BinarySegmentation(Segmentation):
    """Segmentation into background and foreground, by softmax of two channels or by sigmoid of one.

    Of two channels the larger one decides, a tie is background; one channel is foreground where its probability is
    above one half.

    Example:
        >>> pred = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 1, 4)
        >>> label = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 1, 1, 4)
        >>> BinarySegmentation().scores({"pred": pred, "label": label})["iou"].tolist()
        [[0.0, 0.75]]
    """

    name: ClassVar[str] = "binary_segmentation"
    classes: tuple[str, ...] = ("background", "foreground")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.classes) != 2:
            raise ValueError(
                f"classes must be the background and one other, got {list(self.classes)}; "
                "choose multiclass_segmentation or multilabel_segmentation for more"
            )

    def drawn(self, pred: Tensor) -> Tensor:
        if pred.ndim > 2 and pred.shape[1] == 2:
            return pred[:, 1] > pred[:, 0]
        if pred.ndim > 2 and pred.shape[1] == 1:
            return pred[:, 0] > (0.5 if self.probabilities else 0)
        raise ValueError(
            f"pred must be (N, 2, ...) or (N, 1, ...) for {self.name}, got {tuple(pred.shape)}; choose the task or the "
            "selector of this network's output"
        )

    def actual(self, label: Tensor) -> Tensor:
        if label.ndim < 3 or label.shape[1] > 2:
            raise ValueError(
                f"label must be (N, 1, ...) or (N, 2, ...), got {tuple(label.shape)}; pass one mask channel"
            )
        mask = label[:, -1]
        foreground = mask == 1
        if int(foreground.sum() + (mask == 0).sum()) < mask.numel():
            whole_numbers(mask, 2, "label")
        return foreground

    def counts(self, drawn: Tensor, actual: Tensor) -> Counts:
        drawn, actual = drawn.flatten(1), actual.flatten(1)
        n_pixels = drawn.shape[1]
        both, first, second = (drawn & actual).sum(dim=1), drawn.sum(dim=1), actual.sum(dim=1)
        # The background's intersection is what lies outside the foreground's union.
        outside = n_pixels - (first + second - both)
        return (
            torch.stack([outside, both], dim=1),
            torch.stack([n_pixels - first, first], dim=1),
            torch.stack([n_pixels - second, second], dim=1),
        )

    def one_hot(self, drawn: Tensor) -> Tensor:
        return torch.stack([~drawn, drawn], dim=1)

    def pixel_probabilities(self, pred: Tensor) -> Tensor:
        if pred.shape[1] == 2:
            return pred if self.probabilities else torch.softmax(pred, dim=1)
        foreground = pred if self.probabilities else torch.sigmoid(pred)
        return torch.cat([1 - foreground, foreground], dim=1)

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "segmentation" and (
            output.channels == 1 or (output.channels == 2 and output.activation == "softmax")
        )
