"""Diagnoses of which a sample has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from htl_monai.tasks.classification import Classification
from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.segmentation import whole_numbers
from htl_monai.tasks.task import as_plain

__all__ = ["MulticlassClassification"]


@dataclass(frozen=True)
class MulticlassClassification(Classification):
    """Classification by softmax; ``label`` is the number of the class, ``(N,)`` or ``(N, 1)``, or one-hot ``(N, C)``.

    A label of NaN is unknown.

    Example:
        >>> task = MulticlassClassification(("nevus", "melanoma"))
        >>> task.scores({"pred": torch.zeros(1, 2), "label": torch.tensor([1])})["true_prob"].tolist()
        [0.5]
    """

    name: ClassVar[str] = "multiclass_classification"

    def class_probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits, dim=1)

    def logits_of(self, prob: Tensor) -> Tensor:
        return torch.log(prob)

    def targets(self, label: Tensor, n: int) -> Tensor:
        c = len(self.classes)
        if tuple(label.shape) == (n, c) and c > 1:
            unknown, numbers = torch.isnan(label.float()).any(dim=1), label.float().nan_to_num(0.0).argmax(dim=1)
        elif tuple(label.shape) in ((n,), (n, 1)):
            values = label.reshape(n)
            unknown = torch.isnan(values.float())
            numbers = whole_numbers(values.masked_fill(unknown, 0), c, "label")
        else:
            raise ValueError(
                f"label must be ({n},) numbers of classes or ({n}, {c}) one-hot, got {tuple(label.shape)}; "
                "pass one class a sample"
            )
        return functional.one_hot(numbers, c).float().masked_fill(unknown[:, None], torch.nan)

    def label_scores(self, logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
        # NaN goes through the product: a sample of unknown label has neither.
        loss = -(torch.log_softmax(logits, dim=1) * targets).sum(dim=1)
        return {"true_prob": torch.exp(-loss), "loss": loss}

    def doubt(self, pred: Tensor) -> dict[str, Tensor]:
        """Return ``entropy``; ``confidence``, the probability of the likeliest class; and ``expected_error``, the Brier
        score that the network's own probabilities promise, ``1 - sum p^2``.
        """
        prob = torch.softmax(self._logits(as_plain(pred)), dim=1)
        return {
            "entropy": torch.special.entr(prob).sum(dim=1),
            "confidence": prob.amax(dim=1),
            "expected_error": 1 - (prob**2).sum(dim=1),
        }

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "classification" and output.activation == "softmax"
