"""Findings of which a sample may have several, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from htl_monai.tasks.classification import Classification
from htl_monai.tasks.output_format import OutputFormat
from htl_monai.tasks.task import as_plain

__all__ = ["MultilabelClassification"]


@dataclass(frozen=True)
class MultilabelClassification(Classification):
    """Classification by sigmoid, each class by itself; ``label`` is ``(N, C)`` of 0, 1 and NaN for unknown.

    ``true_prob`` and ``loss`` are means over the classes whose label is known.

    Example:
        >>> task = MultilabelClassification(("mass", "edema"))
        >>> scores = task.scores({"pred": torch.zeros(1, 2), "label": torch.tensor([[1.0, 0.0]])})
        >>> scores["probability"].tolist(), scores["true_prob"].tolist()
        ([[0.5, 0.5]], [0.5])
    """

    name: ClassVar[str] = "multilabel_classification"
    exclusive: ClassVar[bool] = False

    def class_probabilities(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def logits_of(self, prob: Tensor) -> Tensor:
        return torch.logit(prob)

    def targets(self, label: Tensor, n: int) -> Tensor:
        if tuple(label.shape) != (n, len(self.classes)):
            raise ValueError(
                f"label must be ({n}, {len(self.classes)}), one column a class, got {tuple(label.shape)}; "
                "pass 0, 1 or NaN for each"
            )
        targets = label.float()
        odd = (targets != 0) & (targets != 1) & ~torch.isnan(targets)
        if odd.any():
            raise ValueError(
                f"label must hold 0, 1 or NaN for unknown, got {targets[odd][0].item():g}; correct the labels"
            )
        return targets

    def label_scores(self, logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
        known = ~torch.isnan(targets)
        losses = functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(0.0), reduction="none")
        probs = torch.sigmoid(torch.where(targets == 1, logits, -logits))
        return {
            "true_prob": torch.nanmean(probs.where(known, torch.nan), dim=1),
            "loss": torch.nanmean(losses.where(known, torch.nan), dim=1),
        }

    def doubt(self, pred: Tensor) -> dict[str, Tensor]:
        """Return means over the classes: ``entropy``; ``confidence``, the probability of the likelier answer; and
        ``expected_error``, the Brier score that the network's own probabilities promise, ``p (1 - p)``.
        """
        prob = torch.sigmoid(self._logits(as_plain(pred)))
        return {
            "entropy": (torch.special.entr(prob) + torch.special.entr(1 - prob)).mean(dim=1),
            "confidence": torch.maximum(prob, 1 - prob).mean(dim=1),
            "expected_error": (prob * (1 - prob)).mean(dim=1),
        }

    @classmethod
    def reads(cls, output: OutputFormat) -> bool:
        return output.kind == "classification" and output.activation == "sigmoid"
