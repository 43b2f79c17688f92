"""Draws what an epoch shows by a policy, in one process and in several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, DistributedSampler

from htl_monai.attention.policy import Item, Policy

__all__ = ["PolicySampler"]


class PolicySampler(DistributedSampler[Any]):
    """Draw the images of an epoch from the seed and the epoch alone, so that a resumed training draws the same.

    Args:
        dataset: the training dataset, in the order of ``items``.
        items: its data list.
        policy: what draws.
        hardness: of the images by id; what is missing has nothing to measure.
        count: how many images all processes show together in an epoch.
        n_epochs: how many epochs there are.
        seed: of the drawing.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        items: list[Item],
        policy: Policy,
        hardness: Mapping[str, float],
        count: int,
        n_epochs: int,
        seed: int = 0,
    ) -> None:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        super().__init__(dataset, None if distributed else 1, None if distributed else 0, seed=seed)
        self.items, self.policy, self.n_epochs = items, policy, n_epochs
        self.num_samples = -(-count // self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas
        self.refresh(hardness)

    def refresh(self, hardness: Mapping[str, float]) -> None:
        """Take the hardness from a new mining; the next epoch draws by it."""
        self.hardness = [hardness.get(item["id"], np.nan) for item in self.items]

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        places = self.policy.epoch(self.hardness, self.total_size, max(1, self.epoch), self.n_epochs, generator)
        return iter(places[self.rank : self.total_size : self.num_replicas])
