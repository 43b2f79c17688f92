"""The settings of the application: which stages each one has, and how their files hang together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["SETTINGS", "Setting", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One run id of a bundle.

    Args:
        name: the stage's folder in a run.
        run_id: the run id in the configs.
        configs: config files of the bundle, laid upon each other in order.
        inputs: files of earlier stages that it reads, below the run's folder.
        outputs: files that it writes, below its own folder.
        settings: config entries that it fixes.
        checkpoint: the file from which it goes on after it was killed, below its own folder.
    """

    name: str
    run_id: str
    configs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    checkpoint: str | None = None


@dataclass(frozen=True)
class Setting:
    """A bundle and the order of its stages."""

    bundle: str
    stages: tuple[Stage, ...]


def _finetuning(arm: str) -> Stage:
    return Stage(
        name=f"finetuning_{arm}",
        run_id="finetuning",
        configs=("train.json", "finetune.json"),
        inputs=("preparing/data.json", "training/dense.pt", f"selecting/{arm}.json"),
        outputs=("model.pt", "epochs.csv"),
        settings={"arm": arm},
        checkpoint="checkpoint.pt",
    )


def _evaluating(arm: str) -> Stage:
    network = "training/dense.pt" if arm == "dense" else f"finetuning_{arm}/model.pt"
    return Stage(
        name=f"evaluating_{arm}",
        run_id="evaluating",
        configs=("train.json", "evaluate.json"),
        inputs=("preparing/data.json", network),
        outputs=("scores.csv",),
        settings={"arm": arm},
    )


_SUPERVISED = (
    Stage("preparing", "preparing", ("train.json", "prepare.json"), (), ("data.json", "skipped.csv")),
    Stage(
        name="training",
        run_id="training",
        configs=("train.json",),
        inputs=("preparing/data.json",),
        outputs=("dense.pt", "epochs.csv"),
        checkpoint="checkpoint.pt",
    ),
    Stage(
        name="mining",
        run_id="mining",
        configs=("train.json", "mine.json"),
        inputs=("preparing/data.json", "training/dense.pt"),
        outputs=("forgetting.csv", "sparsity.csv"),
    ),
    Stage(
        name="selecting",
        run_id="selecting",
        configs=("train.json", "select.json"),
        inputs=("preparing/data.json", "mining/forgetting.csv"),
        outputs=("htl.json", "random.json"),
    ),
    _finetuning("htl"),
    _finetuning("random"),
    _evaluating("dense"),
    _evaluating("htl"),
    _evaluating("random"),
    Stage(
        name="reporting",
        run_id="reporting",
        configs=("train.json", "report.json"),
        inputs=("mining/forgetting.csv", *(f"evaluating_{arm}/scores.csv" for arm in ("dense", "htl", "random"))),
        outputs=("scores.csv", "comparison.csv", "impact.csv", "groups.csv"),
    ),
)

SETTINGS: Mapping[str, Setting] = MappingProxyType({"supervised": Setting("lesion_localization", _SUPERVISED)})
"""Supervised: paper 1, Algorithm 1. ``random`` is its Baseline 4."""
