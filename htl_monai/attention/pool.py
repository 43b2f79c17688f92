"""The images that arms choose from: a data list and its scores, in one order."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xarray import Dataset

from htl_monai.attention.pseudo_labels import read_pseudo_labels, sure_enough
from htl_monai.data.files import sha256
from htl_monai.data.readers.listing import Item, name_first, require_unique_ids
from htl_monai.ranking.of_training import with_dynamics
from htl_monai.scores import join_seeds, read_scores

__all__ = ["Pool", "pool_of", "pool_of_pseudo_labels"]


@dataclass(frozen=True)
class Pool:
    """Images and what was mined of them.

    Args:
        items: by id.
        scores: of these images, in their order; of several seeds where there are some.
        sources: the hash of each file that they come from.
        counts: how many images were left out before, and why.
    """

    items: Mapping[str, Item]
    scores: Dataset
    sources: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)


def pool_of(
    data: Sequence[Item],
    scores_paths: Sequence[str | os.PathLike[str]],
    dynamics_paths: Sequence[str | os.PathLike[str]] = (),
) -> Pool:
    """Return a data list with its scores.

    Args:
        data: the list that was mined.
        scores_paths: its ``scores.nc``, one for each seed.
        dynamics_paths: what the trainings recorded of it, ``dynamics.nc``, in the order of the seeds.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: the scores are of other images, or an image is there twice.
    """
    require_unique_ids({"training": data})
    items = {item["id"]: item for item in data}
    first, *others = scores_paths
    scores = join_seeds(dict(enumerate(scores_paths))).load() if others else read_scores(first)
    found = {str(id_) for id_ in scores["sample"].values}
    if found != items.keys():
        lacking = sorted(found ^ items.keys())
        raise ValueError(
            f"scores in {first} must be of this data list, got {len(lacking)} images that only one of them has "
            f"({name_first(lacking)}); mine it again"
        )
    scores, sources = scores.sel(sample=list(items)), {"scores_sha256": [sha256(path) for path in scores_paths]}
    if dynamics_paths:
        scores = with_dynamics(scores, [read_scores(path) for path in dynamics_paths])
        sources["dynamics_sha256"] = [sha256(path) for path in dynamics_paths]
    return Pool(items, scores, sources)


def pool_of_pseudo_labels(
    unlabelled: Sequence[Item],
    scores_paths: Sequence[str | os.PathLike[str]],
    pseudo_labels_path: str | os.PathLike[str],
    min_confidence: float = 0.8,
) -> Pool:
    """Return the images without mask whose pseudo-label can be trained on (Attend Who is Weak, Algorithm 2).

    Returns:
        They have ``label`` (absolute path) and ``confidence``; ``counts`` says how many were ``n_left_out`` (not sure
        enough) and ``n_empty`` (no lesion in the pseudo-label).

    Raises:
        FileNotFoundError: a table or a mask is not there.
        ValueError: no pseudo-label is sure enough, or a table is of other data.
    """
    labels = read_pseudo_labels(unlabelled, pseudo_labels_path)
    sure = sure_enough(labels, min_confidence)
    if not sure:
        largest = max((item["confidence"] for item in labels), default=0.0)
        raise ValueError(
            f"min_confidence must leave at least one pseudo-label, got {min_confidence} while the largest confidence "
            f"of {len(labels)} is {largest:.3f}; lower it, or train the network longer"
        )
    every = pool_of(unlabelled, scores_paths)
    n_empty = sum(item["confidence"] == 0 for item in labels)
    counts = {"n_left_out": len(labels) - len(sure) - n_empty, "n_empty": n_empty}
    items = {item["id"]: {**item, "pseudo": True} for item in sure}
    sources = {**every.sources, "pseudo_labels_sha256": sha256(pseudo_labels_path), "min_confidence": min_confidence}
    return Pool(items, every.scores.sel(sample=list(items)), sources, counts)
