"""What every classification shares: probabilities, agreement of two outputs, doubt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from htl_monai.tasks.class_order import rank_correlation
from htl_monai.tasks.decisions import decisions
from htl_monai.tasks.task import Task, as_plain

__all__ = ["Classification"]


@dataclass(frozen=True)
class Classification(Task):
    """Score what a network says of the classes of a whole sample, logits ``(N, C)``.

    Scores: ``probability`` ``(N, C)``; with a label also ``true_prob``, the probability of what is true, and ``loss``,
    the cross-entropy (lower = better), ``(N,)`` each; NaN for a sample of unknown label. All are float32.
    """

    primary: ClassVar[str] = "true_prob"
    exclusive: ClassVar[bool] = True
    """A sample has one of the classes."""
    primary_agreement: ClassVar[str] = "spearman"
    says = ("probability", "spearman", "modal", "taxicab", "entropy", "confidence", "expected_error")
    says_of_labels = ("true_prob", "loss", "label")

    def scores(self, output: Mapping[str, Any]) -> dict[str, Tensor]:
        logits = self._logits(output["pred"])
        scores = {"probability": self.class_probabilities(logits)}
        if output.get("label") is not None:
            scores |= self.label_scores(logits, self.targets(as_plain(output["label"]), len(logits)))
        return scores

    def agreement(self, pred: Tensor, dense: Tensor) -> dict[str, Tensor]:
        """Compare the probabilities of two networks, ``(N,)`` float64 each.

        Returns:
            ``spearman`` in [-1, 1], the rank correlation over the classes (PruneCXR); NaN where one of the two gives
            every class the same probability. ``modal``: 1 where the most probable class is the same, else 0.
            ``taxicab``, the sum of the absolute differences: 0 = the same, higher = more changed.
        """
        first, second = (self.class_probabilities(self._logits(values)).double() for values in (pred, dense))
        if first.shape != second.shape:
            raise ValueError(f"dense must be {tuple(first.shape)} as pred, got {tuple(second.shape)}; pass one batch")
        return {
            "spearman": rank_correlation(first, second),
            "modal": (first.argmax(dim=1) == second.argmax(dim=1)).double(),
            "taxicab": (first - second).abs().sum(dim=1),
        }

    def of_label(self, label: Tensor) -> dict[str, Tensor]:
        """Return ``label`` ``(N, C)`` float32: 0, 1, or NaN where it is unknown."""
        return {"label": self.targets(as_plain(label), len(label))}

    def dynamics(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Tell how the network stands to the label, which is right if all that is known of it is."""
        logits = self._logits(pred)
        found = decisions(logits, self.targets(as_plain(label), len(logits)), self.exclusive)
        right = ((found.margin > 0) | (found.weight == 0)).all(dim=1).double()
        return found.dynamics() | {"dynamics_correct": right.where(found.weight.sum(dim=1) > 0, torch.nan)}

    @abstractmethod
    def class_probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities of the classes, ``(N, C)`` float32."""

    @abstractmethod
    def targets(self, label: Tensor, n: int) -> Tensor:
        """Return the label as 0, 1 and NaN for unknown, ``(N, C)`` float32."""

    @abstractmethod
    def label_scores(self, logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return ``true_prob`` and ``loss``."""

    @abstractmethod
    def logits_of(self, prob: Tensor) -> Tensor:
        """Return logits that have these probabilities."""

    def _logits(self, pred: Tensor) -> Tensor:
        if pred.ndim != 2 or pred.shape[1] != len(self.classes):
            raise ValueError(
                f"pred must be logits (N, {len(self.classes)}), got shape {tuple(pred.shape)}; use a network that "
                f"classifies, or choose the selector or the classes, now {list(self.classes)}"
            )
        values = as_plain(pred).float()
        return self.logits_of(values.clamp(1e-7, 1 - 1e-7)) if self.probabilities else values
