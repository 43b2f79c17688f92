"""Binary cross-entropy of many findings, some of which are not known."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


def count_known(labels: Tensor) -> int:
    """Return how many labels are known: by this many a mean over batches is weighted.

    Example:
        >>> count_known(torch.tensor([[1.0, float("nan")]]))
        1
    """
    return int(torch.isfinite(labels).sum())


class MaskedBCEWithLogits(nn.Module):
    """Mean binary cross-entropy over the labels that are known; NaN is an unknown label, which counts nowhere.

    Where every label is known it equals ``torch.nn.BCEWithLogitsLoss``.

    Args:
        pos_weight: ``(C,)``, how many times a positive label of each class counts, see
            :func:`~htl_monai.losses.positive_weights.positive_weights`; None counts all labels alike.

    Example:
        >>> loss = MaskedBCEWithLogits()
        >>> round(loss(torch.tensor([[0.0, 9.0]]), torch.tensor([[1.0, float("nan")]])).item(), 4)
        0.6931
    """

    def __init__(self, pos_weight: Tensor | None = None) -> None:
        super().__init__()
        self.pos_weight: Tensor | None
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a scalar; 0 with a zero gradient where no label is known.

        Args:
            logits: ``(N, C)``.
            labels: ``(N, C)``, 0, 1 or NaN.
        """
        if logits.shape != labels.shape:
            raise ValueError(
                f"labels must have the shape of the logits {tuple(logits.shape)}, got {tuple(labels.shape)}; "
                "set num_classes to the number of classes of the data"
            )
        known = ~torch.isnan(labels)
        targets = torch.where(known, labels, 0).to(logits.dtype)
        losses = binary_cross_entropy_with_logits(logits, targets, pos_weight=self.pos_weight, reduction="none")
        # where, not a product: an infinite loss of an unknown label times 0 would be NaN.
        return torch.where(known, losses, 0).sum() / known.sum().clamp(min=1)
