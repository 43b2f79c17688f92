"""What a network decides of a sample, beside the label: of a class, of each class by itself, or of each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_TEMPERATURE = 0.1  # cleanlab's


@dataclass(frozen=True)
class Decisions:
    """How a network stands to what is true, ``(N, D)`` each for ``D`` decisions of a sample.

    Args:
        margin: the logit of what is true minus the largest other one.
        prob: the probability of what is true.
        square: the squared distance of the probabilities from the truth.
        weight: what each counts in a mean, 1 in sum; 0 where the truth is unknown, NaN where all of it is.
    """

    margin: Tensor
    prob: Tensor
    square: Tensor
    weight: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the decisions, ``(N,)``."""
        return (values.nan_to_num(0.0) * self.weight).sum(dim=1)

    def softmin(self) -> Tensor:
        """Return cleanlab's label quality of each sample: its probabilities, the lowest weighing most, ``(N,)``."""
        known = self.weight != 0
        weights = torch.softmax(((1 - self.prob) / _TEMPERATURE).masked_fill(~known, -torch.inf), dim=1)
        return (weights * self.prob.masked_fill(~known, 0)).sum(dim=1, dtype=torch.float64)

    def dynamics(self) -> dict[str, Tensor]:
        """Return what measures of training dynamics follow from epoch to epoch, ``(N,)`` each.

        ``dynamics_error``, the root of the mean square (EL2N, Paul et al., 2021: of one decision the norm of the error
        vector); ``dynamics_margin`` (AUM, Pleiss et al., 2020); ``dynamics_confidence`` (Swayamdipta et al., 2020).
        """
        return {
            "dynamics_error": self.mean(self.square).sqrt(),
            "dynamics_margin": self.mean(self.margin),
            "dynamics_confidence": self.mean(self.prob),
        }


def decisions(logits: Tensor, targets: Tensor, exclusive: bool, balanced: bool = False) -> Decisions:
    """Hold logits against what is true.

    Args:
        logits: ``(N, C)`` or ``(N, C, ...)``.
        targets: the same shape, 0, 1 or NaN for unknown; one-hot where the classes exclude each other.
        exclusive: one decision among the classes (softmax); otherwise one of each class, yes or no (sigmoid).
        balanced: each class that the truth has counts the same, however few pixels it has: else the background would
            decide everything. This is ours; the papers know one decision a sample.

    Example:
        >>> found = decisions(torch.tensor([[2.0, 0.5, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]]), exclusive=True)
        >>> found.margin.tolist(), found.weight.tolist()
        ([[1.0]], [[1.0]])
    """
    values = logits.detach().float().reshape(*logits.shape[:2], -1)
    truth = targets.float().reshape_as(values)
    known = ~torch.isnan(truth)
    if exclusive:
        known = known.all(dim=1)
        label = truth.nan_to_num(0.0).argmax(dim=1, keepdim=True)
        others = values.scatter(1, label, -torch.inf).amax(dim=1)
        probs = torch.softmax(values, dim=1)
        margin, prob = values.gather(1, label)[:, 0] - others, probs.gather(1, label)[:, 0]
        square, kind = ((probs - truth) ** 2).sum(dim=1), label[:, 0]
    else:
        margin = torch.where(truth == 1, values, -values)
        prob = torch.sigmoid(margin)
        # Two kinds a class: where it is, and where it is not.
        kind = 2 * torch.arange(values.shape[1], device=values.device)[:, None] + (truth == 1)
        margin, prob, kind, known = (found.flatten(1) for found in (margin, prob, kind, known))
        square = (1 - prob) ** 2
    return Decisions(margin, prob, square, _weights(known, kind if balanced else torch.zeros_like(kind)))


def _weights(known: Tensor, kind: Tensor) -> Tensor:
    counts = torch.zeros(len(kind), int(kind.max()) + 1, device=kind.device).scatter_add_(1, kind, known.float())
    kinds = (counts > 0).sum(dim=1, keepdim=True)
    return torch.where(kinds == 0, torch.nan, known / (counts.gather(1, kind) * kinds).clamp(min=1))
