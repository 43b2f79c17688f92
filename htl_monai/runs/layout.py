"""What a run's folder looks like: the folder of each stage and the files between them; said here alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = [
    "DATA",
    "DYNAMICS",
    "IMAGES",
    "MLFLOW",
    "PICTURES",
    "PREPARING",
    "PROPERTIES",
    "REPORT",
    "REPORTING",
    "RUN_NOTE",
    "SCORES",
    "SELECTING",
    "SKIPPED",
    "attended",
    "evaluated",
    "seed_folder",
    "seeds_with",
]

PREPARING, TRAINING, HALFWAY, PSEUDO_LABELLING = "preparing", "training", "training_halfway", "pseudo_labelling"
SELECTING, REPORTING = "selecting", "reporting"
DATA, SKIPPED, IMAGES = f"{PREPARING}/data.json", f"{PREPARING}/skipped.csv", f"{PREPARING}/images"
DYNAMICS = "dynamics.nc"
"""What a training recorded of its samples, in its folder."""
RUN_NOTE, REPORT, PICTURES = "run.json", "report.html", "pictures/cases.json"
"""Of a run or an audit: what it consists of, the page to look at, and the pictures on it."""
PROPERTIES = "pictures/properties.csv"
"""Beside them: what is simple to measure of a picture, one row an image."""
SCORES = "scores.nc"
"""What mining and evaluating measured, in the folder of each of their stages."""
MLFLOW = "mlflow.json"
"""The run of MLflow that a folder's work goes on in, where it is tracked: of a run, or of a stage."""
MLFLOW_FILES = "mlruns"
"""What MLflow keeps of the files of a run, beside its database."""
DENSE, PSEUDO_LABELS = f"{TRAINING}/dense.pt", f"{PSEUDO_LABELLING}/pseudo_labels.csv"


def seed_folder(seed: int | None) -> str:
    """Return the folder of a seed's stages, below the run's; that is the run's own where no seeds are named.

    Example:
        >>> seed_folder(3), seed_folder(None)
        ('seed_3', '')
    """
    return "" if seed is None else f"seed_{seed}"


def attended(arm: str) -> str:
    """Return the stage that trains with attention to what an arm chose."""
    return f"finetuning_{arm}"


def evaluated(arm: str) -> str:
    """Return the stage that scores an arm's network, or a baseline."""
    return f"evaluating_{arm}"


def below(root: str, name: str) -> str:
    """Return a path below a seed's folder as one below the run's.

    Example:
        >>> below("seed_3", "training/dense.pt"), below("", "training/dense.pt")
        ('seed_3/training/dense.pt', 'training/dense.pt')
    """
    return f"{root}/{name}" if root else name


def seeds_with(run: str | os.PathLike[str], name: str) -> tuple[int, ...]:
    """Return the seeds of a run that have a file, such as ``mining/sparsity.csv``, in ascending order."""
    folders = (path.relative_to(run).parts[0] for path in Path(run).glob(f"seed_*/{name}"))
    return tuple(sorted(int(match[1]) for folder in folders if (match := re.fullmatch(r"seed_(\d+)", folder))))
