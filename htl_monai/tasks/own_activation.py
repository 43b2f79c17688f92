"""Tells whether a network ends in softmax or sigmoid itself: its output are probabilities then, and no logits."""

from __future__ import annotations

from torch import Tensor

from htl_monai.tasks.task import as_plain

__all__ = ["are_probabilities"]

_FEWEST = 16  # so many logits do not all lie between 0 and 1 by chance


def are_probabilities(pred: Tensor, exclusive: bool) -> bool:
    """Tell from an output ``(N, C, ...)`` whether it can only be probabilities.

    Args:
        pred: of one sample or more.
        exclusive: the classes exclude each other, so that they add up to 1; otherwise, and of one channel, many numbers
            are needed to tell.

    Example:
        >>> import torch
        >>> are_probabilities(torch.tensor([[0.2, 0.8]]), True), are_probabilities(torch.tensor([[0.2, 0.7]]), True)
        (True, False)
    """
    values = as_plain(pred)
    if not values.is_floating_point() or not bool(((values >= 0) & (values <= 1)).all()):
        return False
    if exclusive and values.shape[1] > 1:
        return bool(((values.float().sum(dim=1) - 1).abs() < 0.01).all())
    return values.numel() >= _FEWEST and bool(values.any())
