"""Makes the stages of a run from a setting, its arms and its seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from htl_monai.attention.arm import Arm, read_arm
from htl_monai.runs import layout
from htl_monai.runs.setting import Setting, require_fit
from htl_monai.runs.stage import Stage

__all__ = ["checked_seeds", "compared_arms", "stages_of"]

_STARTS = {"dense": layout.TRAINING, "intermediate": layout.HALFWAY}
"""The stage that trains the network from which a policy trains on."""


def stages_of(
    setting: Setting, arms: Sequence[str] | None = None, seeds: Sequence[int] | None = None
) -> tuple[Stage, ...]:
    """Return the stages of a run, each after those whose files it reads.

    Args:
        setting: what its runs consist of.
        arms: those that are trained and compared, see :func:`~htl_monai.attention.arm.read_arm`; None for the
            setting's usual ones.
        seeds: the networks that are trained; the stages of each lie in a folder of its own. None for the setting's
            usual ones.

    Raises:
        FileNotFoundError: there is no such arm.
        ValueError: the seeds are none, one is named twice, or an arm cannot do with what the setting has.
    """
    named = seeds if seeds is not None else setting.seeds or None
    compared, reference = compared_arms(setting, arms)
    return tuple(_Graph(setting, compared, reference, (None,) if named is None else checked_seeds(named)).stages())


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds of a run.

    Raises:
        ValueError: no seed, a negative one, or one named twice.
    """
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different numbers from 0, got {list(seeds)}; 0:5 stands for 0, 1, 2, 3, 4")
    return tuple(seeds)


def compared_arms(setting: Setting, names: Sequence[str] | None) -> tuple[tuple[Arm, ...], str]:
    """Return the arms, and which of them the others are held against; it joins them where it is not named."""
    read = [read_arm(name) for name in (setting.arms if names is None else names)]
    arms = {arm.name: arm for arm in read}
    if len(arms) < len(read):
        raise ValueError(f"arms must have different names, got {', '.join(arm.name for arm in read)}; name each once")
    wanted = setting.report["reference"]
    reference = next((name for name in wanted if name in arms), wanted[-1])
    if reference not in arms:
        arms = {reference: read_arm(reference), **arms}
    for arm in arms.values():
        require_fit(arm, setting)
    return tuple(arms.values()), reference


@dataclass(frozen=True)
class _Graph:
    setting: Setting
    arms: tuple[Arm, ...]
    reference: str
    seeds: tuple[int | None, ...]

    @property
    def over_seeds(self) -> bool:
        return bool(self.setting.choose.get("over_seeds"))

    @property
    def drawn(self) -> list[str]:
        """The table of pseudo-labels, where there are some."""
        return [layout.PSEUDO_LABELS] if self.setting.pseudo_labels else []

    def stages(self) -> Iterator[Stage]:
        yield self._fixed(self._preparing())
        for seed in self.seeds:
            yield from self._of_seed(seed, self._networks())
            if not self.over_seeds:
                yield from self._of_seed(seed, [*self._selections((None,)), *self._trained()])
        if self.over_seeds:
            yield from map(self._fixed, self._selections(self.seeds))
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
        chosen = [_of(layout.SELECTING, start) for start in _STARTS if self.over_seeds]
        shared = (layout.PREPARING, *chosen)

        def place(path: Any) -> Any:
            if isinstance(path, list):
                return [place(part) for part in path]
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
        """Train the networks that arms start from, prune them, and draw pseudo-labels."""
        more = "intermediate" in {arm.policy.start for arm in self.arms if arm.trains}
        chosen_from = self.setting.choose["from"] if self._choosing("intermediate") else []
        pseudo_labelling = Stage(
            name=layout.PSEUDO_LABELLING,
            run_id="pseudo_labelling",
            configs=("train.json", "stages/pseudo_label.json"),
            inputs=(layout.DATA, layout.DENSE),
            outputs=("pseudo_labels.csv",),
            checkpoint="masks",
            paths={"dense_path": layout.DENSE},
        )
        return [
            self._training("dense"),
            *([self._training("intermediate", "stages/train_halfway.json")] if more else []),
            *([pseudo_labelling] if self.drawn else []),
            *(self._mining(name, "dense") for name in self.setting.mined),
            *(self._mining(name, "intermediate") for name in chosen_from),
        ]

    def _training(self, start: str, *configs: str) -> Stage:
        recorded = self._reads_training(start)
        return Stage(
            name=_STARTS[start],
            run_id="training",
            configs=("train.json", *configs),
            inputs=(layout.DATA,),
            outputs=("dense.pt", "epochs.csv", *([layout.DYNAMICS] if recorded else [])),
            settings={"record_dynamics": True} if recorded else {},
            checkpoint="checkpoint.pt",
        )

    def _choosing(self, start: str) -> list[Arm]:
        """Return the arms that choose by a network, and train on from it."""
        return [arm for arm in self.arms if arm.trains and arm.chooses and arm.policy.start == start]

    def _reads_training(self, start: str) -> bool:
        return any(arm.reads_training for arm in self._choosing(start))

    def _mining(self, name: str, start: str) -> Stage:
        what, dense = self.setting.mined[name], f"{_STARTS[start]}/dense.pt"
        return Stage(
            name=_of(name, start),
            run_id="mining",
            configs=("train.json", "stages/mine.json", *what.get("configs", ())),
            inputs=(layout.DATA, dense),
            outputs=(layout.SCORES, "ranking.csv", "sparsity.csv"),
            settings={"split": what["split"]},
            paths={"dense_path": dense, "stage_dir": _of(name, start)},
        )

    def _selections(self, seeds: Sequence[int | None]) -> list[Stage]:
        """Choose what the arms train on, by the network that each starts from."""
        return [self._selecting(start, seeds) for start in _STARTS if self._choosing(start)]

    def _selecting(self, start: str, seeds: Sequence[int | None]) -> Stage:
        """Choose for every seed by itself, or once for all of them."""

        def of_seeds(name: str) -> list[str]:
            return [layout.below(layout.seed_folder(seed), name) for seed in seeds]

        arms = {arm.name: dict(arm.choice) for arm in self._choosing(start)}
        first, *others = [of_seeds(f"{_of(name, start)}/{layout.SCORES}") for name in self.setting.choose["from"]]
        recorded = of_seeds(f"{_STARTS[start]}/{layout.DYNAMICS}") if self._reads_training(start) else []
        paths: dict[str, Any] = {"mined_paths": first, "stage_dir": _of(layout.SELECTING, start)}
        paths |= {"dynamics_paths": recorded} if recorded else {}
        if others:
            paths |= {"labelled_mined_paths": others[0], "pseudo_labels_path": layout.PSEUDO_LABELS}
        return Stage(
            name=_of(layout.SELECTING, start),
            run_id="selecting",
            configs=("train.json", "stages/select.json", *self.setting.choose.get("configs", ())),
            inputs=(layout.DATA, *first, *recorded, *(path for paths_ in others for path in paths_), *self.drawn),
            outputs=("ranking.csv", *(f"{arm}.json" for arm in arms)),
            settings={"arms": arms},
            paths=paths,
        )

    def _trained(self) -> list[Stage]:
        """Train on by every arm, and score what came of it, and what needs no training."""
        return [
            *(self._attending(arm) for arm in self.arms if arm.trains),
            *(self._evaluating(arm.name, arm.trains) for arm in self.arms),
            *(self._evaluating(name, False) for name in self.setting.baselines),
        ]

    def _attending(self, arm: Arm) -> Stage:
        chosen = [f"{_of(layout.SELECTING, arm.policy.start)}/{arm.name}.json"] if arm.chooses else []
        start = f"{_STARTS[arm.policy.start]}/dense.pt"
        unlabelled = ["stages/attend_unlabelled.json"] if self.drawn else []
        remine = ["stages/remine.json"] if arm.policy.remine_every else []
        return Stage(
            name=layout.attended(arm.name),
            run_id="finetuning",
            configs=("train.json", "stages/attend.json", *unlabelled, *remine),
            inputs=(layout.DATA, start, *chosen, *self.drawn),
            outputs=("model.pt", "epochs.csv"),
            settings={"arm": arm.name, **arm.entries},
            checkpoint="checkpoint.pt",
            paths={"dense_path": start, **({"selection_path": chosen[0]} if chosen else {})},
        )

    def _evaluating(self, arm: str, trains: bool) -> Stage:
        network = f"{layout.attended(arm)}/model.pt" if trains else layout.DENSE
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
        judged, mined = (*(arm.name for arm in self.arms), *self.setting.baselines), self.setting.report["on"]
        read = [f"{name}/{layout.SCORES}" for name in (*mined, *map(layout.evaluated, judged))]
        roots = [layout.seed_folder(seed) for seed in self.seeds]
        of_seeds = self.seeds != (None,)
        arms = [arm.name for arm in self.arms]
        settings: dict[str, Any] = {"arms": arms, "reference": self.reference, "mined": list(mined)}
        settings |= {"seeds": list(self.seeds)} if of_seeds else {}
        return Stage(
            name=layout.REPORTING,
            run_id="reporting",
            configs=("train.json", "stages/report.json", *self.setting.report.get("configs", ())),
            inputs=(layout.DATA, *(layout.below(root, path) for root in roots for path in (*read, *self.drawn))),
            outputs=(*self.setting.report["tables"], *(["scores_of_seeds.csv"] if of_seeds else [])),
            settings=settings | self._baselines(),
        )

    def _baselines(self) -> dict[str, list[str]]:
        return {"baselines": list(self.setting.baselines)} if self.setting.baselines else {}


def _of(name: str, start: str) -> str:
    """Return the stage of that name which looks at the network that an arm starts from."""
    return name if start == "dense" else f"{name}_halfway"
