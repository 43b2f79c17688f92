"""How far two networks order the classes of a sample alike."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rank_correlation"]


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return Spearman's rank correlation over the classes of each sample, ``(N,)`` in [-1, 1] of two ``(N, C)``.

    Equal values share their mean rank; NaN where one of the two gives every class the same, and with a single class.

    Example:
        >>> rank_correlation(torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[0.1, 0.5, 0.9]])).tolist()
        [-1.0]
    """
    ranks = [_ranks(values) for values in (first, second)]
    scale = torch.sqrt((ranks[0] ** 2).sum(dim=1) * (ranks[1] ** 2).sum(dim=1))
    correlation = ((ranks[0] * ranks[1]).sum(dim=1) / scale).clamp(-1, 1)
    return correlation.where(scale > 0, torch.nan)


def _ranks(values: Tensor) -> Tensor:
    """Return the ranks of each row around 0; equal values share their mean rank."""
    above = (values[:, :, None] > values[:, None, :]).sum(dim=2)
    below = (values[:, :, None] < values[:, None, :]).sum(dim=2)
    return (above - below).double() / 2
