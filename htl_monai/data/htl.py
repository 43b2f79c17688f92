"""Gives hard-to-learn images more attention in a training: as a data list, or as sampling weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from monai.data import DistributedWeightedRandomSampler

from htl_monai.data.selection import read_selection, select_random

__all__ = ["HTLWeightedSampler", "finetuning_list", "forgetting_weights"]


def finetuning_list(
    data: Sequence[Mapping[str, Any]], selection_path: str | os.PathLike[str], replay_ratio: float = 0.0, seed: int = 0
) -> list[dict[str, Any]]:
    """Return the selected images, and with a replay ratio some of the others, so that those are not forgotten.

    Args:
        data: the whole training list.
        selection_path: a file of the stage ``selecting``.
        replay_ratio: other images for each selected one, from 0 (the paper's reading: selected ones only); at most as
            many as there are.
        seed: of the choice of the others.

    Raises:
        ValueError: a negative ratio, an empty selection, or a selection of other data.
    """
    if replay_ratio < 0:
        raise ValueError(f"replay_ratio must be at least 0, got {replay_ratio}; give others per selected image")
    by_id = {item["id"]: dict(item) for item in data}
    chosen = [item["id"] for item in read_selection(selection_path)]
    unknown = [id_ for id_ in chosen if id_ not in by_id]
    if unknown or not chosen:
        raise ValueError(
            f"selection {selection_path} must name images of the training list, got {len(chosen)} of which "
            f"{len(unknown)} are unknown; run the stage selecting on this data"
        )
    others = [id_ for id_ in by_id if id_ not in set(chosen)]
    replayed = select_random(others, min(round(replay_ratio * len(chosen)), len(others)), seed)
    return [by_id[id_] for id_ in [*chosen, *replayed]]


def forgetting_weights(
    data: Sequence[Mapping[str, Any]],
    table: pd.DataFrame,
    sparsity: float = 0.7,
    strength: float = 4.0,
    column: str = "forgetting",
) -> list[float]:
    """Return sampling weights ``1 + strength × forgetting`` for each image of a data list.

    Args:
        data: the training list.
        table: its forgetting table.
        sparsity: which rows of the table count.
        strength: how much more often an image that lost everything is drawn than one that lost nothing; from 0.
        column: ``forgetting`` or ``forgetting_relative``. An image that improved, or with nothing to measure, weighs 1.

    Returns:
        Weights of at least 1, in the order of ``data``.

    Raises:
        ValueError: a negative strength, or an image that the table lacks at this sparsity.
    """
    if strength < 0:
        raise ValueError(f"strength must be at least 0, got {strength}; 0 samples uniformly")
    rows = table[np.isclose(table["sparsity"], sparsity)]
    drop = dict(zip(rows["id"].astype(str), rows[column].fillna(0.0).clip(lower=0.0), strict=True))
    missing = [item["id"] for item in data if item["id"] not in drop]
    if missing:
        raise ValueError(
            f"table must have every image at sparsity {sparsity}, got none for {len(missing)}, first {missing[0]}; "
            "mine this data list at this sparsity"
        )
    return [1.0 + strength * drop[item["id"]] for item in data]


class HTLWeightedSampler(DistributedWeightedRandomSampler):
    """Draw images with replacement, the forgotten ones more often; works in one process and in several.

    Args:
        dataset: the training dataset, in the order of ``data``.
        data: its data list.
        table_path: a forgetting table to start with, or None for uniform weights, until :meth:`refresh` is called (by
            :class:`~htl_monai.handlers.remining.Remining`).
        sparsity: see :func:`forgetting_weights`.
        strength: see :func:`forgetting_weights`.
        column: see :func:`forgetting_weights`.
        seed: of the drawing.
    """

    def __init__(
        self,
        dataset: torch.utils.data.Dataset[Any],
        data: Sequence[Mapping[str, Any]],
        table_path: str | os.PathLike[str] | None = None,
        sparsity: float = 0.7,
        strength: float = 4.0,
        column: str = "forgetting",
        seed: int = 0,
    ) -> None:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        super().__init__(
            dataset,
            weights=[1.0] * len(data),
            num_samples_per_rank=None,
            generator=torch.Generator().manual_seed(seed),
            num_replicas=None if distributed else 1,
            rank=None if distributed else 0,
            seed=seed,
        )
        self.data = list(data)
        self.sparsity = sparsity
        self.strength = strength
        self.column = column
        if table_path is not None:
            self.refresh(pd.read_csv(table_path, dtype={"id": str}))

    def refresh(self, table: pd.DataFrame) -> None:
        """Take the weights from a new forgetting table; the next epoch draws by them."""
        self.weights = forgetting_weights(self.data, table, self.sparsity, self.strength, self.column)

    def set_epoch(self, epoch: int) -> None:
        """Draw epoch ``epoch`` from the seed and the epoch alone, so that a resumed training draws the same."""
        super().set_epoch(epoch)
        self.generator.manual_seed(self.seed * 1_000_003 + epoch)
