"""Finds the scores of a run, its seeds joined, and what its training recorded of the samples."""

from __future__ import annotations

import os
from pathlib import Path

from xarray import Dataset

from htl_monai.ranking.of_training import with_dynamics
from htl_monai.runs import layout
from htl_monai.scores import join_seeds, open_scores


def scores_of(path: str | os.PathLike[str], stage: str = "mining") -> Dataset:
    """Return the scores of a file, or of a stage of a run, with what the training recorded.

    Args:
        path: a file of scores, or the folder of an audit; or that of a run with ``STAGE/scores.nc``, or with
            ``seed_N/STAGE/scores.nc``.
        stage: which stage's scores; read of a folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no scores, or the seeds are of other samples.
    """
    run, name = Path(path), f"{stage}/scores.nc"
    if not run.is_dir() or (run / "scores.nc").is_file():
        return open_scores(run / "scores.nc" if run.is_dir() else run)
    seeds = layout.seeds_with(run, name)
    folders = [run / layout.seed_folder(seed) for seed in seeds or (None,)]
    files = [folder / name for folder in folders]
    scores = join_seeds(dict(zip(seeds, files, strict=True))) if seeds else open_scores(files[0])
    recorded = [folder / layout.TRAINING / layout.DYNAMICS for folder in folders]
    return with_dynamics(scores, [*map(open_scores, recorded)]) if all(map(Path.is_file, recorded)) else scores
