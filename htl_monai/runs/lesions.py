"""The stages of Attend Who is Weak: Algorithms 1, 2 and 3 on skin lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from htl_monai.runs.stage import NOTHING, Stage, checked_seeds

__all__ = ["SEMI_SUPERVISED", "SUPERVISED", "WEAKLY_SUPERVISED", "stages_of_seeds"]


def _finetuning(arm: str, extra_configs: tuple[str, ...] = (), extra_inputs: tuple[str, ...] = ()) -> Stage:
    return Stage(
        name=f"finetuning_{arm}",
        run_id="finetuning",
        configs=("train.json", "finetune.json", *extra_configs),
        inputs=("preparing/data.json", "training/dense.pt", f"selecting/{arm}.json", *extra_inputs),
        outputs=("model.pt", "epochs.csv"),
        settings={"arm": arm},
        checkpoint="checkpoint.pt",
    )


def _evaluating(arm: str) -> Stage:
    network = f"finetuning_{arm}/model.pt" if arm in ("htl", "random") else "training/dense.pt"
    return Stage(
        name=f"evaluating_{arm}",
        run_id="evaluating",
        configs=("train.json", "evaluate.json"),
        inputs=("preparing/data.json", network),
        outputs=("scores.csv",),
        settings={"arm": arm},
    )


_ARMS = ("dense", "htl", "random")
_SCORES = tuple(f"evaluating_{arm}/scores.csv" for arm in _ARMS)
_TABLES = ("scores.csv", "comparison.csv", "impact.csv", "groups.csv", "notes.csv")

_TRAINING = Stage(
    name="training",
    run_id="training",
    configs=("train.json",),
    inputs=("preparing/data.json",),
    outputs=("dense.pt", "epochs.csv"),
    checkpoint="checkpoint.pt",
)
_MINING = Stage(
    name="mining",
    run_id="mining",
    configs=("train.json", "mine.json"),
    inputs=("preparing/data.json", "training/dense.pt"),
    outputs=("forgetting.csv", "sparsity.csv"),
    settings={"split": "training"},
)

_SELECTING = Stage(
    name="selecting",
    run_id="selecting",
    configs=("train.json", "select.json"),
    inputs=("preparing/data.json", "mining/forgetting.csv"),
    outputs=("htl.json", "random.json"),
)


def _reporting(
    extra_inputs: tuple[str, ...] = (), extra_outputs: tuple[str, ...] = (), settings: Mapping[str, Any] = NOTHING
) -> Stage:
    return Stage(
        name="reporting",
        run_id="reporting",
        configs=("train.json", "report.json"),
        inputs=("mining/forgetting.csv", *_SCORES, *extra_inputs),
        outputs=(*_TABLES, *extra_outputs),
        settings=settings,
    )


def _preparing(*extra_outputs: str, settings: Mapping[str, Any] = NOTHING) -> Stage:
    return Stage(
        name="preparing",
        run_id="preparing",
        configs=("train.json", "prepare.json"),
        inputs=(),
        outputs=("data.json", "skipped.csv", *extra_outputs),
        settings=settings,
    )


SUPERVISED = (
    _preparing(),
    _TRAINING,
    _MINING,
    _SELECTING,
    _finetuning("htl"),
    _finetuning("random"),
    *(_evaluating(arm) for arm in _ARMS),
    _reporting(),
)

_PSEUDO_LABELS = "pseudo_labelling/pseudo_labels.csv"
SEMI_SUPERVISED = (
    _preparing("near_duplicates.csv", settings={"use_unlabelled": True}),
    _TRAINING,
    Stage(
        name="pseudo_labelling",
        run_id="pseudo_labelling",
        configs=("train.json", "pseudo_label.json"),
        inputs=("preparing/data.json", "training/dense.pt"),
        outputs=("pseudo_labels.csv",),
        checkpoint="masks",
    ),
    _MINING,
    Stage(
        name="mining_unlabelled",
        run_id="mining",
        configs=("train.json", "mine.json", "mine_unlabelled.json"),
        inputs=("preparing/data.json", "training/dense.pt"),
        outputs=("forgetting.csv", "sparsity.csv"),
        settings={"split": "unlabelled"},
    ),
    Stage(
        name="selecting",
        run_id="selecting",
        configs=("train.json", "select.json", "select_unlabelled.json"),
        inputs=("preparing/data.json", "mining/forgetting.csv", "mining_unlabelled/forgetting.csv", _PSEUDO_LABELS),
        outputs=("htl.json", "random.json"),
    ),
    _finetuning("htl", ("finetune_unlabelled.json",), (_PSEUDO_LABELS,)),
    _finetuning("random", ("finetune_unlabelled.json",), (_PSEUDO_LABELS,)),
    *(_evaluating(arm) for arm in _ARMS),
    _reporting(
        ("mining_unlabelled/forgetting.csv", _PSEUDO_LABELS), ("impact_unlabelled.csv",), {"use_unlabelled": True}
    ),
)

_BASELINES = ("whole", "centre_box", "otsu")
WEAKLY_SUPERVISED = (
    _preparing("near_duplicates.csv"),
    _TRAINING,
    _MINING,
    _SELECTING,
    _finetuning("htl"),
    _finetuning("random"),
    *(_evaluating(arm) for arm in (*_ARMS, *_BASELINES)),
    _reporting(tuple(f"evaluating_{arm}/scores.csv" for arm in _BASELINES)),
)


def stages_of_seeds(stages: Sequence[Stage], seeds: Sequence[int]) -> tuple[Stage, ...]:
    """Return the stages of a run that trains several seeds: one preparing, a chain for each seed, one report of all.

    Args:
        stages: those of a run with one seed, from preparing to reporting.
        seeds: see :func:`~htl_monai.runs.stage.checked_seeds`.
    """
    preparing, *chain, reporting = stages
    seeds = checked_seeds(seeds)
    return (
        preparing,
        *(_of_seed(stage, seed) for seed in seeds for stage in chain),
        replace(
            reporting,
            configs=(*reporting.configs, "report_seeds.json"),
            inputs=tuple(name for seed in seeds for name in _of_seed(reporting, seed).inputs),
            outputs=(*reporting.outputs, "scores_of_seeds.csv"),
            settings={**reporting.settings, "seeds": list(seeds)},
        ),
    )


def _of_seed(stage: Stage, seed: int) -> Stage:
    """Return a stage that reads and writes in the folder of a seed; what was prepared is shared."""
    root = f"seed_{seed}"
    return replace(
        stage,
        name=f"{root}/{stage.name}",
        inputs=tuple(name if name.startswith("preparing/") else f"{root}/{name}" for name in stage.inputs),
        settings={**stage.settings, "seed": seed},
        root=root,
    )
