"""The stages of PruneCXR: several seeds of one classifier, each pruned over a sweep, and what all of them forget."""

from __future__ import annotations

from collections.abc import Sequence

from htl_monai.attention.selection import PIE_ARMS
from htl_monai.runs.stage import Stage, checked_seeds

__all__ = ["SEEDS", "chest_xray_stages"]

SEEDS = tuple(range(5))
"""Enough for a spread; the paper trains thirty."""

# What a network is compressed by beside the magnitude pruning of the paper.
_COMPRESSIONS = ("random", "structured", "quantized", "low_rank")
_DATA = "preparing/data.json"
_TABLES = (
    *("classes", "class_changes", "overall", "forgettability", "first_drop", "correlations", "notes"),
    *("dissimilarity", "fcd_regression", "pies", "pie_ratios", "noise", "pie_notes", "arms"),
)
_PREDICTIONS = ("predictions.npz", "sparsity.csv")


def chest_xray_stages(seeds: Sequence[int]) -> tuple[Stage, ...]:
    """Return the stages for these seeds, see :func:`~htl_monai.runs.stage.checked_seeds`."""
    seeds = checked_seeds(seeds)
    return (
        Stage("preparing", "preparing", ("train.json", "prepare.json"), (), ("data.json", "skipped.csv")),
        *(stage for seed in seeds for stage in _compressed(seed)),
        Stage(
            name="selecting",
            run_id="selecting",
            configs=("train.json", "select.json"),
            inputs=(_DATA, *(f"seed_{seed}/mining_training/predictions.npz" for seed in seeds)),
            outputs=("pies.csv", *(f"{arm}.json" for arm in PIE_ARMS)),
            settings={"seeds": list(seeds)},
        ),
        *(stage for seed in seeds for arm in PIE_ARMS for stage in _retrained(seed, arm)),
        Stage(
            name="reporting",
            run_id="reporting",
            configs=("train.json", "report.json"),
            inputs=(_DATA, *(name for seed in seeds for name in _predictions(seed))),
            outputs=tuple(f"{name}.csv" for name in _TABLES),
            settings={"seeds": list(seeds)},
        ),
    )


def _compressed(seed: int) -> tuple[Stage, ...]:
    """Train one seed, and predict with it at every sparsity."""
    return (
        Stage(
            name=f"seed_{seed}/training",
            run_id="training",
            configs=("train.json",),
            inputs=(_DATA,),
            outputs=("dense.pt", "epochs.csv"),
            settings={"seed": seed},
            checkpoint="checkpoint.pt",
        ),
        *(_mining(seed, name) for name in ("", *_COMPRESSIONS, "training")),
    )


def _mining(seed: int, name: str) -> Stage:
    return Stage(
        name=f"seed_{seed}/mining_{name}" if name else f"seed_{seed}/mining",
        run_id="mining",
        configs=("train.json", "mine.json", f"mine_{name}.json") if name else ("train.json", "mine.json"),
        inputs=(_DATA, f"seed_{seed}/training/dense.pt"),
        outputs=_PREDICTIONS,
        settings={"seed": seed},
    )


def _retrained(seed: int, arm: str) -> tuple[Stage, Stage]:
    """Train one seed on with one of the lists, and predict with what came of it."""
    settings = {"seed": seed, "arm": arm}
    tuned = f"seed_{seed}/finetuning_{arm}"
    finetuning = Stage(
        name=tuned,
        run_id="finetuning",
        configs=("train.json", "finetune.json"),
        inputs=(_DATA, f"seed_{seed}/training/dense.pt", f"selecting/{arm}.json"),
        outputs=("model.pt", "epochs.csv"),
        settings=settings,
        checkpoint="checkpoint.pt",
    )
    evaluating = Stage(
        name=f"seed_{seed}/evaluating_{arm}",
        run_id="evaluating",
        configs=("train.json", "evaluate.json"),
        inputs=(_DATA, f"{tuned}/model.pt"),
        outputs=("predictions.npz",),
        settings=settings,
    )
    return finetuning, evaluating


def _predictions(seed: int) -> list[str]:
    names = ["mining", *(f"mining_{name}" for name in _COMPRESSIONS), *(f"evaluating_{arm}" for arm in PIE_ARMS)]
    return [f"seed_{seed}/{name}/predictions.npz" for name in names]
