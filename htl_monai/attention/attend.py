"""Makes the data list and the sampler of a training that pays attention to what an arm chose."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, DistributedSampler, Sampler

from htl_monai.attention.policy import Item, Items, Policy, policy_named
from htl_monai.attention.selection import read_selection

__all__ = ["BUDGETS", "PolicySampler", "attended_items", "attending_sampler"]

BUDGETS = ("epochs", "steps")


def attended_items(
    data: Items,
    policy: str | Policy,
    selection_path: str | os.PathLike[str],
    unlabelled: Items = (),
    seed: int = 0,
) -> list[Item]:
    """Return what an arm trains on.

    Args:
        data: the whole training list.
        policy: what is done with the chosen images.
        selection_path: a file of the stage ``selecting``; not read where the policy does not ask who was chosen.
        unlabelled: images without mask that may be chosen too; each takes its pseudo-label from the selection.
        seed: of what is drawn.

    Raises:
        ValueError: an empty selection, one of other data, or a policy that images without mask do not fit.
        FileNotFoundError: a pseudo-label is not there.
    """
    policy = policy_named(policy)
    if not policy.chooses:
        return list(policy.items(data, [], seed))
    chosen = read_selection(selection_path).data
    known = {item["id"]: item for item in data}
    without_mask = {item["id"]: item for item in unlabelled}
    unknown = [item["id"] for item in chosen if item["id"] not in known and item["id"] not in without_mask]
    if unknown or not chosen:
        where = "the training list or unlabelled ones" if unlabelled else "the training list"
        raise ValueError(
            f"selection {selection_path} must name images of {where}, got {len(chosen)} of which "
            f"{len(unknown)} are unknown; run the stage selecting on this data"
        )
    found = [known.get(item["id"]) or _pseudo_labelled(without_mask[item["id"]], item) for item in chosen]
    return list(policy.items(data, found, seed))


def attending_sampler(
    dataset: Dataset[Any],
    items: list[Item],
    policy: str | Policy,
    selection_path: str | os.PathLike[str],
    plain: Sampler[Any] | None,
    budget: str,
    training_images: Items,
    n_epochs: int,
    seed: int = 0,
) -> Sampler[Any] | None:
    """Return what draws the images of each epoch; None shuffles them.

    Args:
        dataset: the training dataset, in the order of ``items``.
        items: see :func:`attended_items`, as ``policy`` and ``selection_path``.
        policy: see there.
        selection_path: see there.
        plain: the sampler of a training that pays no attention.
        budget: ``epochs`` shows each image of ``items`` once in an epoch; ``steps`` shows as many images as the whole
            training list has, so that every arm takes the same number of optimizer steps.
        training_images: the whole training list.
        n_epochs: of the training.
        seed: of the drawing.

    Raises:
        ValueError: an unknown budget.
    """
    if budget not in BUDGETS:
        raise ValueError(f"budget must be one of {', '.join(BUDGETS)}, got {budget!r}; choose one of them")
    policy = policy_named(policy)
    count = len(training_images) if budget == "steps" else len(items)
    draws = type(policy).epoch is not Policy.epoch or type(policy).weights is not Policy.weights
    if not draws and count == len(items):
        return plain
    hardness: Mapping[str, float] = read_selection(selection_path).hardness if draws else {}
    return PolicySampler(dataset, items, policy, hardness, count, n_epochs, seed)


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


def _pseudo_labelled(item: Item, selected: Item) -> Item:
    """Return an image without mask with the pseudo-label that its selection names."""
    if not Path(selected.get("label", "")).is_file():
        raise FileNotFoundError(
            f"the pseudo-label of {item['id']} must be there, got {selected.get('label')}; delete pseudo_labels.csv "
            "and run again, only the missing ones are made"
        )
    return {**item, "label": selected["label"]}
