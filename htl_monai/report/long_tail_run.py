"""Reads what a run of the setting chest_xray predicted, compression by compression, in the order of its test images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from htl_monai.data.readers.listing import Datalists, Item
from htl_monai.data.readers.multi_label import label_matrix, load_multi_label
from htl_monai.runs import layout
from htl_monai.scores.predictions import Predictions, stacked_predictions

__all__ = ["COMPRESSIONS", "MAIN", "LongTailRun", "positives", "read_long_tail_run"]

# What the weights went through, and the stage whose folder holds the predictions.
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
    """The data lists of a run and the way to its predictions.

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
        """Return the seeds for which a stage has written predictions."""
        return tuple(seed for seed in self.seeds if self._path(seed, stage).is_file())

    def predictions(self, stage: str, seeds: Sequence[int] | None = None) -> Predictions:
        """Read a stage's predictions of the test images, ``(R, K, N, C)``.

        Args:
            stage: the name of its folder, such as ``mining``.
            seeds: those to read; by default all of the run.

        Raises:
            FileNotFoundError: the predictions of a seed are not there.
            ValueError: they are of other images or classes than the data list, or lack the dense network.
        """
        paths = [self._path(seed, stage) for seed in (self.seeds if seeds is None else seeds)]
        found = stacked_predictions(paths)
        if found.classes != self.classes:
            raise ValueError(
                f"predictions in {paths[0]} must be of the classes of the data list, {', '.join(self.classes)}, got "
                f"{', '.join(found.classes)}; mine again"
            )
        if found.sparsities[0] != 0:
            raise ValueError(
                f"predictions in {paths[0]} must begin with the dense network, sparsity 0, got "
                f"{found.sparsities[0]:g}; mine again"
            )
        return found.in_order([item["id"] for item in self.test], paths[0], "test")

    def _path(self, seed: int, stage: str) -> Path:
        return self.run_dir / layout.seed_folder(seed) / stage / "predictions.npz"


def read_long_tail_run(
    run_dir: str | os.PathLike[str],
    data_path: str | os.PathLike[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> LongTailRun:
    """Find the data and the seeds of a run.

    Args:
        run_dir: the folder of the run.
        data_path: its data list; by default ``preparing/data.json`` in the run.
        seeds: the seeds to read; by default every one with ``seed_*/mining/predictions.npz``.

    Raises:
        FileNotFoundError: the data list is not there, or no seed was mined.
    """
    run_dir = Path(run_dir)
    found = (
        layout.seeds_with(run_dir, f"{COMPRESSIONS[MAIN]}/predictions.npz") if seeds is None else tuple(sorted(seeds))
    )
    if not found:
        raise FileNotFoundError(
            f"run_dir must hold seed_*/{COMPRESSIONS[MAIN]}/predictions.npz of at least one seed, got none in "
            f"{run_dir}; run the stage mining or correct the path"
        )
    data = load_multi_label(run_dir / layout.DATA if data_path is None else data_path)
    return LongTailRun(run_dir, tuple(data.classes), data.datalists, found)


def positives(items: Sequence[Item], n_classes: int) -> NDArray[np.int64]:
    """Count the images that are known to have each class, ``(C,)``."""
    if not items:
        return np.zeros(n_classes, dtype=np.int64)
    return np.asarray((label_matrix(items) == 1).sum(axis=0), dtype=np.int64)
