"""Makes the stages of a run from a setting, its arms and its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from htl_monai.runs import layout
from htl_monai.runs.setting import Setting
from htl_monai.runs.stage import Stage

__all__ = ["DENSE", "checked_seeds", "stages_of"]

DENSE = "dense"
"""The arm that trains no further."""
# What mining writes beside the scores: classes have no one number a sample that could be ranked.
_MINED = {"masks": ("ranking.csv", "sparsity.csv"), "findings": ("sparsity.csv",)}
# The configs that do the same for either kind of labels.
_SELECT = {"masks": "stages/select.json", "findings": "stages/select_pies.json"}
_ATTEND = {"masks": ("stages/attend.json", "stages/remine.json"), "findings": ("stages/attend.json",)}
_REPORT = {"masks": "stages/report.json", "findings": "stages/report_long_tail.json"}


def stages_of(
    setting: Setting, arms: Sequence[str] | None = None, seeds: Sequence[int] | None = None
) -> tuple[Stage, ...]:
    """Return the stages of a run, each after those whose files it reads.

    Args:
        setting: what its runs consist of.
        arms: those that are trained and compared; None for the setting's usual ones.
        seeds: the networks that are trained; the stages of each lie in a folder of its own. None for the setting's
            usual ones.

    Raises:
        ValueError: the arms or the seeds are none, or one is named twice.
    """
    return tuple(_Graph(setting, arms, seeds).stages())


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds of a run.

    Raises:
        ValueError: no seed, a negative one, or one named twice.
    """
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different numbers from 0, got {list(seeds)}; 0:5 stands for 0, 1, 2, 3, 4")
    return tuple(seeds)


class _Graph:
    def __init__(self, setting: Setting, arms: Sequence[str] | None, seeds: Sequence[int] | None) -> None:
        named = seeds if seeds is not None else setting.seeds or None
        self.setting = setting
        self.arms = setting.arms if arms is None else tuple(dict.fromkeys(arms))
        self.seeds: tuple[int | None, ...] = (None,) if named is None else checked_seeds(named)
        if unknown := [arm for arm in self.arms if arm not in setting.arms]:
            raise ValueError(
                f"arms must be among {', '.join(setting.arms)}, got {', '.join(unknown)}; name one of them"
            )
        self.over_seeds = bool(setting.choose.get("over_seeds"))

    def stages(self) -> Iterator[Stage]:
        yield self._fixed(self._preparing())
        for seed in self.seeds:
            yield from self._of_seed(seed, self._networks())
            if not self.over_seeds:
                yield from self._of_seed(seed, [self._selecting((None,))])
                yield from self._of_seed(seed, self._trained())
        if self.over_seeds:
            yield self._fixed(self._selecting(self.seeds))
            for seed in self.seeds:
                yield from self._of_seed(seed, self._trained())
        yield self._fixed(self._reporting())

    def _fixed(self, stage: Stage) -> Stage:
        """Add what holds for every stage."""
        paths = {"dataset_dir": layout.DATA, "cache_path": layout.IMAGES, "model_dir": ""} if stage.inputs else {}
        return replace(stage, settings={**self.setting.entries, **stage.settings}, paths={**paths, **stage.paths})

    def _of_seed(self, seed: int | None, stages: Sequence[Stage]) -> Iterator[Stage]:
        """Yield stages as those of one seed; what was done once for all seeds is shared."""
        root = layout.seed_folder(seed)
        shared = (layout.PREPARING, layout.SELECTING) if self.over_seeds else (layout.PREPARING,)

        def place(path: str) -> str:
            return path if path.split("/")[0] in shared else layout.below(root, path)

        for stage in map(self._fixed, stages):
            yield replace(
                stage,
                name=layout.below(root, stage.name),
                inputs=tuple(place(path) for path in stage.inputs),
                settings={**stage.settings, **({} if seed is None else {"seed": seed})},
                root=root,
                paths={key: place(path) for key, path in stage.paths.items()},
            )

    def _preparing(self) -> Stage:
        outputs = ("data.json", "skipped.csv", *self.setting.prepared)
        return Stage(layout.PREPARING, "preparing", ("train.json", "stages/prepare.json"), (), outputs)

    def _networks(self) -> list[Stage]:
        """Train a network, prune it, and draw its pseudo-labels."""
        training = Stage(
            name=layout.TRAINING,
            run_id="training",
            configs=("train.json",),
            inputs=(layout.DATA,),
            outputs=("dense.pt", "epochs.csv"),
            checkpoint="checkpoint.pt",
        )
        pseudo_labelling = Stage(
            name=layout.PSEUDO_LABELLING,
            run_id="pseudo_labelling",
            configs=("train.json", "stages/pseudo_label.json"),
            inputs=(layout.DATA, layout.DENSE),
            outputs=("pseudo_labels.csv",),
            checkpoint="masks",
            paths={"dense_path": layout.DENSE},
        )
        drawing = [pseudo_labelling] if self.setting.pseudo_labels else []
        return [training, *drawing, *(self._mining(name) for name in self.setting.mined)]

    def _mining(self, name: str) -> Stage:
        what = self.setting.mined[name]
        return Stage(
            name=name,
            run_id="mining",
            configs=("train.json", "stages/mine.json", *what.get("configs", ())),
            inputs=(layout.DATA, layout.DENSE),
            outputs=(layout.SCORES, *_MINED[self.setting.labels]),
            settings={"split": what["split"]},
            paths={"dense_path": layout.DENSE},
        )

    def _selecting(self, seeds: Sequence[int | None]) -> Stage:
        """Choose what each arm trains on: for every seed by itself, or once for all of them."""
        first, *others = [
            [layout.below(layout.seed_folder(seed), self._mined(name)) for seed in seeds]
            for name in self.setting.choose["from"]
        ]
        drawn = [layout.PSEUDO_LABELS] if self.setting.pseudo_labels else []
        paths: dict[str, Any] = {"mined_path": first[0]}
        if others:
            paths |= {"labelled_mined_path": others[0][0], "pseudo_labels_path": layout.PSEUDO_LABELS}
        if self.over_seeds:
            paths = {"mined_paths": first}
        unlabelled = ("stages/select_unlabelled.json",) if self.setting.pseudo_labels else ()
        pies = ("pies.csv",) if self.over_seeds else ()
        return Stage(
            name=layout.SELECTING,
            run_id="selecting",
            configs=("train.json", _SELECT[self.setting.labels], *unlabelled),
            inputs=(layout.DATA, *first, *(path for paths_ in others for path in paths_), *drawn),
            outputs=(*pies, *(f"{arm}.json" for arm in self.arms if arm != DENSE)),
            settings={"seeds": list(seeds)} if self.over_seeds else {},
            paths=paths,
        )

    def _trained(self) -> list[Stage]:
        """Train on by every arm, and score what came of it, and what needs no training."""
        judged = (*self.arms, *self.setting.baselines)
        return [
            *(self._attending(arm) for arm in self.arms if arm != DENSE),
            *(self._evaluating(arm) for arm in judged),
        ]

    def _attending(self, arm: str) -> Stage:
        selection = f"{layout.SELECTING}/{arm}.json"
        drawn = [layout.PSEUDO_LABELS] if self.setting.pseudo_labels else []
        unlabelled = ["stages/attend_unlabelled.json"] if drawn else []
        return Stage(
            name=layout.attended(arm),
            run_id="finetuning",
            configs=("train.json", *_ATTEND[self.setting.labels], *unlabelled),
            inputs=(layout.DATA, layout.DENSE, selection, *drawn),
            outputs=("model.pt", "epochs.csv"),
            settings={"arm": arm},
            checkpoint="checkpoint.pt",
            paths={"dense_path": layout.DENSE, "selection_path": selection},
        )

    def _evaluating(self, arm: str) -> Stage:
        trains_on = arm in self.arms and arm != DENSE
        network = f"{layout.attended(arm)}/model.pt" if trains_on else layout.DENSE
        return Stage(
            name=layout.evaluated(arm),
            run_id="evaluating",
            configs=("train.json", "stages/evaluate.json"),
            inputs=(layout.DATA, network),
            outputs=(layout.SCORES, "scores.csv"),
            settings={"arm": arm, **self._baselines()},
            paths={"model_path": network},
        )

    def _reporting(self) -> Stage:
        judged = (*self.arms, *self.setting.baselines)
        scored = {arm: f"{layout.evaluated(arm)}/{layout.SCORES}" for arm in judged}
        mined = [self._mined(name) for name in self.setting.report["on"]]
        drawn = [layout.PSEUDO_LABELS] if self.setting.pseudo_labels else []
        roots = [layout.seed_folder(seed) for seed in self.seeds]
        of_seeds = self.seeds != (None,)
        several = of_seeds and self.setting.labels == "masks"
        settings: dict[str, Any] = {"models" if self.setting.labels == "masks" else "arms": list(self.arms)}
        settings |= {"seeds": list(self.seeds)} if of_seeds else {}
        return Stage(
            name=layout.REPORTING,
            run_id="reporting",
            configs=("train.json", _REPORT[self.setting.labels], *(["stages/report_seeds.json"] if several else [])),
            inputs=(
                layout.DATA,
                *(layout.below(root, path) for root in roots for path in (*mined, *scored.values(), *drawn)),
            ),
            outputs=(*self.setting.report["tables"], *(["scores_of_seeds.csv"] if several else [])),
            settings=settings | self._baselines(),
        )

    def _baselines(self) -> dict[str, list[str]]:
        return {"baselines": list(self.setting.baselines)} if self.setting.baselines else {}

    def _mined(self, name: str) -> str:
        return f"{name}/{layout.SCORES}"
