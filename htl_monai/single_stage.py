"""Runs one stage alone, with a trained model and a data set of the user's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from htl_monai.analysis.impact import impact_of_pruning
from htl_monai.bundles import find_model
from htl_monai.data.datalists import load_datalists
from htl_monai.data.files import sha256, write_csv
from htl_monai.overlays import collect_changes, merged_config
from htl_monai.provenance import data_digest, digest, write_provenance
from htl_monai.report.summary import groups_of_forgetting
from htl_monai.settings import Stage
from htl_monai.workflow import run_stage

__all__ = ["evaluate_with", "mine_with"]

_MINING = Stage("mining", "mining", ("train.json", "mine.json"), (), ("forgetting.csv", "sparsity.csv"))
_EVALUATING = Stage("evaluating", "evaluating", ("train.json", "evaluate.json"), (), ("scores.csv",))


def mine_with(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    overlays: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Mine the training images of ``data`` with a trained model.

    Args:
        model: see :func:`~htl_monai.bundles.find_model`.
        data: see :func:`~htl_monai.data.datalists.load_datalists`.
        out: the folder for ``forgetting.csv``, ``sparsity.csv``, ``impact.csv`` and ``groups.csv``.
        overlays: config files laid upon the bundle's.
        settings: config entries to replace.
        progress: show a progress bar on standard error.
        say: told what is done.

    Returns:
        ``out``. ``groups.csv`` is of the sparsity nearest to 0.7, the paper's.
    """
    folder = Path(out).resolve()
    paths = {"forgetting_path": str(folder / "forgetting.csv"), "sparsity_path": str(folder / "sparsity.csv")}
    _run(_MINING, "dense_path", "training", model, data, folder, overlays, settings or {}, paths, progress, say)
    table = pd.read_csv(folder / "forgetting.csv", dtype={"id": str})
    nearest = min(table["sparsity"].unique(), key=lambda sparsity: abs(sparsity - 0.7))
    write_csv(folder / "impact.csv", impact_of_pruning(table))
    write_csv(folder / "groups.csv", groups_of_forgetting(table[table["sparsity"] == nearest]))
    return folder


def evaluate_with(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    split: str = "test",
    overlays: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Score a trained model on one split of ``data`` and write ``scores.csv`` below ``out``, which is returned."""
    folder = Path(out).resolve()
    paths = {"scores_path": str(folder / "scores.csv"), "split": split}
    _run(_EVALUATING, "model_path", split, model, data, folder, overlays, settings or {}, paths, progress, say)
    return folder


def _run(
    stage: Stage,
    weights_entry: str,
    split: str,
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    folder: Path,
    overlays: Sequence[str],
    settings: Mapping[str, Any],
    paths: Mapping[str, Any],
    progress: bool,
    say: Callable[[str], None],
) -> None:
    trained = find_model(model)
    changes = {**collect_changes(overlays, None, settings), **trained.entries}
    config = merged_config(trained.bundle, stage, changes)
    datalists = load_datalists(data, config["columns"])
    if not datalists.get(split):
        raise ValueError(f"split must be one with images, got {split}, of which {data} has none; choose another")
    say(f"{stage.name}: {len(datalists[split])} {split} images with {trained.weights}")
    places = {
        "bundle_root": str(trained.bundle),
        "dataset_dir": str(Path(data).resolve()),
        "output_dir": str(folder),
        "progress": progress,
        weights_entry: str(trained.weights),
        **paths,
    }
    start = time.monotonic()
    run_stage(trained.bundle, stage, {**changes, **places}, folder / "log.txt")
    details = {
        "run_id": stage.run_id,
        "seconds": round(time.monotonic() - start, 1),
        "inputs": {trained.weights.name: sha256(trained.weights)},
        "data": data_digest(datalists),
    }
    write_provenance(
        folder,
        digest([config, details["inputs"], details["data"]]),
        config,
        details,
        [folder / name for name in stage.outputs],
    )
