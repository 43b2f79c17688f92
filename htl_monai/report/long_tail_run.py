"""Reads what a run of the setting chest_xray scored, compression by compression, in the order of its test images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray import Dataset

from htl_monai.data.readers.listing import Datalists, Item
from htl_monai.data.readers.multi_label import label_matrix, load_multi_label
from htl_monai.runs import layout
from htl_monai.scores import in_order, join_seeds

__all__ = ["COMPRESSIONS", "MAIN", "LongTailRun", "positives", "read_long_tail_run"]

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
class LongTailRun:
    """The data lists of a run and the way to its scores.

    Args:
        run_dir: the folder of the run.
        classes: the ``C`` classes, in the order of the labels.
        datalists: ``training``, ``validation`` and ``test``.
        seeds: the seeds that were mined, ascending.
    """

    run_dir: Path
    classes: tuple[str, ...]
    datalists: Datalists
    seeds: tuple[int, ...]

    @property
    def test(self) -> list[Item]:
        """The ``N`` test images."""
        return self.datalists["test"]

    @property
    def labels(self) -> NDArray[np.float64]:
        """Their labels, ``(N, C)``; NaN = unknown."""
        return label_matrix(self.test)

    @property
    def subjects(self) -> list[Any]:
        """Whom each of them shows; None = unknown."""
        return [item.get("subject") for item in self.test]

    def seeds_of(self, stage: str) -> tuple[int, ...]:
        """Return the seeds for which a stage has written scores."""
        return tuple(seed for seed in self.seeds if self._path(seed, stage).is_file())

    def scores(self, stage: str, seeds: Sequence[int] | None = None) -> Dataset:
        """Join a stage's scores of the test images, lazily: ``probability`` is ``(R, K, N, C)``.

        Args:
            stage: the name of its folder, such as ``mining``.
            seeds: those to read; by default all of the run.

        Raises:
            FileNotFoundError: the scores of a seed are not there.
            ValueError: they are of other images or classes than the data list, or lack the dense network.
        """
        paths = {seed: self._path(seed, stage) for seed in (self.seeds if seeds is None else seeds)}
        found, first = join_seeds(paths), next(iter(paths.values()))
        classes = found.indexes["class"].tolist()
        if classes != list(self.classes):
            raise ValueError(
                f"scores in {first} must be of the classes of the data list, {', '.join(self.classes)}, got "
                f"{', '.join(classes)}; mine again"
            )
        if found["level"].values[0] != 0:
            raise ValueError(
                f"scores in {first} must begin with the dense network, sparsity 0, got {found['level'].values[0]:g}; "
                "mine again"
            )
        return in_order(found, [item["id"] for item in self.test], first, "test")

    def _path(self, seed: int, stage: str) -> Path:
        return self.run_dir / layout.seed_folder(seed) / stage / "scores.nc"


def read_long_tail_run(
    run_dir: str | os.PathLike[str],
    data_path: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> LongTailRun:
    """Find the data and the seeds of a run.

    Args:
        run_dir: the folder of the run.
        data_path: its data list; by default ``preparing/data.json`` in the run.
        seeds: the seeds to read; by default every one with ``seed_*/mining/scores.nc``.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
    """
    run_dir = Path(run_dir)
    found = layout.seeds_with(run_dir, f"{COMPRESSIONS[MAIN]}/scores.nc") if seeds is None else tuple(sorted(seeds))
    if not found:
        raise FileNotFoundError(
            f"run_dir must hold seed_*/{COMPRESSIONS[MAIN]}/scores.nc of at least one seed, got none in "
            f"{run_dir}; run the stage mining or correct the path"
        )
    data = load_multi_label(run_dir / layout.DATA if data_path is None else data_path)
    return LongTailRun(run_dir, tuple(data.classes), data.datalists, found)


def positives(items: Sequence[Item], n_classes: int) -> NDArray[np.int64]:
    """Count the images that are known to have each class, ``(C,)``."""
    if not items:
        return np.zeros(n_classes, dtype=np.int64)
    return np.asarray((label_matrix(items) == 1).sum(axis=0), dtype=np.int64)
