"""Gives hard-to-learn images more attention in a training: as a data list, or as sampling weights."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import DistributedWeightedRandomSampler
from xarray import Dataset

from htl_monai.attention.selection import read_selection
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.ranking.hardness import never_learned_in
from htl_monai.ranking.selection import check_never_learned, select_random
from htl_monai.scores import read_scores

__all__ = ["HTLWeightedSampler", "finetuning_list", "forgetting_weights", "sampler_of"]


def finetuning_list(
    data: Sequence[Mapping[str, Any]],
    selection_path: str | os.PathLike[str],
    replay_ratio: float = 0.0,
    seed: int = 0,
    unlabelled: Sequence[Mapping[str, Any]] = (),
    sampling: str = "selected",
) -> list[dict[str, Any]]:
    """Return the selected images, and with a replay ratio some of the others, so that those are not forgotten.

    Args:
        data: the whole training list.
        selection_path: a file of the stage ``selecting``.
        replay_ratio: other images of the training list for each selected one, from 0 (the paper's reading: selected
            ones only); at most as many as there are.
        seed: of the choice of the others.
        unlabelled: images without mask that may be selected too; each takes its pseudo-label from the selection.
        sampling: ``weighted`` returns the whole list, for a sampler that weighs it. Images without mask take part in
            ``selected`` only, because what is forgotten of them (a box) and of the others (a mask) is not measured on
            one scale.

    Raises:
        ValueError: a negative ratio, an empty selection, a selection of other data, or a sampling that does not fit.
        FileNotFoundError: a pseudo-label is not there.
    """
    if replay_ratio < 0:
        raise ValueError(f"replay_ratio must be at least 0, got {replay_ratio}; give others per selected image")
    if unlabelled and sampling != "selected":
        raise ValueError(
            f"sampling must be selected where images without mask take part, got {sampling!r}; use labelled or "
            "replay_ratio to mix in labelled images"
        )
    if sampling == "weighted":
        return [dict(item) for item in data]
    by_id = {item["id"]: dict(item) for item in data}
    without_mask = {item["id"]: dict(item) for item in unlabelled}
    chosen = read_selection(selection_path)
    unknown = [item["id"] for item in chosen if item["id"] not in by_id and item["id"] not in without_mask]
    if unknown or not chosen:
        known = "the training list or unlabelled ones" if unlabelled else "the training list"
        raise ValueError(
            f"selection {selection_path} must name images of {known}, got {len(chosen)} of which "
            f"{len(unknown)} are unknown; run the stage selecting on this data"
        )
    selected = [by_id.get(item["id"]) or _pseudo_labelled(without_mask[item["id"]], item) for item in chosen]
    taken = {item["id"] for item in chosen}
    others = [id_ for id_ in by_id if id_ not in taken]
    replayed = select_random(others, min(round(replay_ratio * len(chosen)), len(others)), seed)
    return [*selected, *(by_id[id_] for id_ in replayed)]


def _pseudo_labelled(item: dict[str, Any], selected: Mapping[str, Any]) -> dict[str, Any]:
    """Return an image without mask with the pseudo-label that its selection names."""
    if not Path(selected.get("label", "")).is_file():
        raise FileNotFoundError(
            f"the pseudo-label of {item['id']} must be there, got {selected.get('label')}; delete pseudo_labels.csv "
            "and run again, only the missing ones are made"
        )
    return item | {"label": selected["label"]}


def forgetting_weights(
    data: Sequence[Mapping[str, Any]],
    scores: Dataset,
    sparsity: float = 0.7,
    strength: float = 4.0,
    column: str = "forgetting",
    never_learned: str = "exclude",
) -> list[float]:
    """Return sampling weights ``1 + strength × forgetting`` for each image of a data list.

    Args:
        data: the training list.
        scores: what was mined of it.
        sparsity: the level that counts.
        strength: how much more often an image that lost everything is drawn than one that lost nothing; from 0.
        column: ``forgetting`` or ``forgetting_relative``. An image that improved, or with nothing to measure, weighs 1.
        never_learned: images that the dense network never learned weigh 1 by ``exclude``, and as much as one that lost
            everything by ``include``; by ``only`` all others weigh 1.

    Returns:
        Weights of at least 1, in the order of ``data``.

    Raises:
        KeyError: ``sparsity`` was not mined.
        ValueError: a negative strength, an unknown choice, or an image that was not mined.
    """
    if strength < 0:
        raise ValueError(f"strength must be at least 0, got {strength}; 0 samples uniformly")
    check_never_learned(never_learned)
    rows = forgetting_table(scores, sparsity)
    unlearned = never_learned_in(rows)
    lost = rows[column].fillna(0.0).clip(lower=0.0).where(~unlearned & (never_learned != "only"), 0.0)
    lost = lost.mask(unlearned & (never_learned != "exclude"), 1.0)
    drop = dict(zip(rows["id"].astype(str), lost, strict=True))
    missing = [item["id"] for item in data if item["id"] not in drop]
    if missing:
        raise ValueError(
            f"scores must be of every image, got none for {len(missing)}, first {missing[0]}; mine this data list"
        )
    return [1.0 + strength * drop[item["id"]] for item in data]


class HTLWeightedSampler(DistributedWeightedRandomSampler):
    """Draw images with replacement, the forgotten ones more often; works in one process and in several.

    Args:
        dataset: the training dataset, in the order of ``data``.
        data: its data list.
        mined_path: mined scores to start with, or None for uniform weights, until :meth:`refresh` is called (by
            :class:`~htl_monai.handlers.remining.Remining`).
        sparsity: see :func:`forgetting_weights`.
        strength: see :func:`forgetting_weights`.
        column: see :func:`forgetting_weights`.
        seed: of the drawing.
        never_learned: see :func:`forgetting_weights`.
    """

    def __init__(
        self,
        dataset: torch.utils.data.Dataset[Any],
        data: Sequence[Mapping[str, Any]],
        mined_path: str | os.PathLike[str] | None = None,
        sparsity: float = 0.7,
        strength: float = 4.0,
        column: str = "forgetting",
        seed: int = 0,
        never_learned: str = "exclude",
    ) -> None:
        check_never_learned(never_learned)
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
        self.never_learned = never_learned
        if mined_path is not None:
            self.refresh(read_scores(mined_path))

    def refresh(self, scores: Dataset) -> None:
        """Take the weights from what was mined anew; the next epoch draws by them."""
        self.weights = forgetting_weights(
            self.data, scores, self.sparsity, self.strength, self.column, self.never_learned
        )

    def set_epoch(self, epoch: int) -> None:
        """Draw epoch ``epoch`` from the seed and the epoch alone, so that a resumed training draws the same."""
        super().set_epoch(epoch)
        self.generator.manual_seed(self.seed * 1_000_003 + epoch)


def sampler_of(
    sampling: str,
    plain: torch.utils.data.Sampler[Any] | None,
    dataset: torch.utils.data.Dataset[Any],
    data: Sequence[Mapping[str, Any]],
    mined_path: str | os.PathLike[str],
    sparsity: float = 0.7,
    strength: float = 4.0,
    seed: int = 0,
    never_learned: str = "exclude",
    arm: str = "htl",
) -> torch.utils.data.Sampler[Any] | None:
    """Return the sampler of a fine-tuning: ``plain``, or for ``sampling`` weighted one that draws by forgetting.

    Args:
        arm: the others draw all images alike; see :class:`HTLWeightedSampler` for the rest.
    """
    if sampling != "weighted":
        return plain
    strength = strength if arm == "htl" else 0.0
    return HTLWeightedSampler(dataset, data, mined_path, sparsity, strength, seed=seed, never_learned=never_learned)
