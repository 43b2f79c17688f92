"""Finds what the networks of a run scored: stage by stage, of one seed or of several joined."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.data.readers.listing import SPLITS, Datalists
from htl_monai.runs import layout
from htl_monai.scores import in_order, join_seeds

# What the weights went through, and the stage whose folder holds the scores.
COMPRESSIONS = {
    "global_magnitude": "mining",
    "random": "mining_random",
    "structured": "mining_structured",
    "quantized": "mining_quantized",
    "low_rank": "mining_low_rank",
}
# The one that every run has, and that PIEs are found by (PruneCXR).
MAIN = "global_magnitude"


@dataclass(frozen=True)
class RunScores:
    """The way to the scores of a run.

    Args:
        run_dir: its folder.
        seeds: whose networks there are, ascending; None alone stands for one network without a folder of its own.
    """

    run_dir: Path
    seeds: tuple[int | None, ...]

    @property
    def names_seeds(self) -> bool:
        """Whether the networks are told apart by their seeds."""
        return self.seeds != (None,)

    def path(self, seed: int | None, name: str) -> Path:
        """Return the path of a file of one seed's."""
        return self.run_dir / layout.below(layout.seed_folder(seed), name)

    def seeds_of(self, stage: str) -> tuple[int | None, ...]:
        """Return the seeds for which a stage has written scores."""
        return tuple(seed for seed in self.seeds if self.path(seed, f"{stage}/{layout.SCORES}").is_file())

    def of(self, stage: str, seeds: Sequence[int | None] | None = None) -> Dataset:
        """Join a stage's scores along ``seed``, lazily."""
        named = self.seeds if seeds is None else seeds
        return join_seeds({seed or 0: self.path(seed, f"{stage}/{layout.SCORES}") for seed in named})

    @cached_property
    def data(self) -> Datalists:
        """The data lists of a run whose images have several labels."""
        return load_datalists(self.run_dir / layout.DATA, findings=True)

    @property
    def classes(self) -> list[str]:
        """Their names."""
        return self.data.classes or []

    @property
    def labels(self) -> NDArray[np.float64]:
        """Those of the test images, ``(N, C)``; NaN = unknown."""
        return label_matrix(self.data["test"])

    def positives(self) -> dict[str, NDArray[np.int64]]:
        """Count, by split, the images that are known to have each class, ``(C,)``."""
        lists, nothing = self.data, np.zeros(len(self.classes), dtype=np.int64)
        return {split: (label_matrix(lists[split]) == 1).sum(axis=0) if lists[split] else nothing for split in SPLITS}

    def of_test(self, stage: str, seeds: Sequence[int | None] | None = None) -> Dataset:
        """As :meth:`of`, in the order of the test images of the data list: ``probability`` is ``(R, K, N, C)``."""
        found, classes = self.of(stage, seeds), self.classes
        where = self.path((self.seeds if seeds is None else seeds)[0], f"{stage}/{layout.SCORES}")
        if found.indexes["class"].tolist() != classes:
            raise ValueError(
                f"scores in {where} must be of the classes of the data list, {', '.join(classes)}, got "
                f"{', '.join(found.indexes['class'])}; mine again"
            )
        if found["level"].values[0] != 0:
            raise ValueError(
                f"scores in {where} must begin with the dense network, sparsity 0, got {found['level'].values[0]:g}; "
                "mine again"
            )
        return in_order(found, [item["id"] for item in self.data["test"]], where, "test")


def read_run(run_dir: str | os.PathLike[str], seeds: Sequence[int] | None = None) -> RunScores:
    """Find the seeds of a run; by default every one that was mined."""
    run, mined = Path(run_dir), f"{COMPRESSIONS[MAIN]}/{layout.SCORES}"
    if seeds:
        return RunScores(run, tuple(sorted(seeds)))
    if (run / mined).is_file():
        return RunScores(run, (None,))
    found = layout.seeds_with(run, mined)
    if not found:
        raise FileNotFoundError(
            f"run_dir must hold seed_*/{mined} of at least one seed, got none in {run}; run the stage mining or "
            "correct the path"
        )
    return RunScores(run, found)


def same_images(scores: Dataset, other: Dataset) -> bool:
    """Tell whether two were scored on the same images."""
    return set(scores.indexes["sample"]) == set(other.indexes["sample"])
