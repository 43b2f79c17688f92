"""Works out which stages a run consists of, and from what each is made, without running or writing anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_note, sha256
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import Datalists
from htl_monai.handlers.mlflow_run import tracking_uri
from htl_monai.models.bundles import find_bundle
from htl_monai.report.run_note import RunNote
from htl_monai.runs import layout
from htl_monai.runs.graph import compared_arms, stages_of
from htl_monai.runs.overlays import check_all_apply, collect_changes, entry_values, merged_config, refuse_fixed
from htl_monai.runs.provenance import Origin, entries_behind, origin_of
from htl_monai.runs.rehearsal import rehearse
from htl_monai.runs.setting import Setting, read_setting
from htl_monai.runs.stage import Stage
from htl_monai.settings.checks import require_good_settings

__all__ = ["Plan", "PlannedStage", "goes_on", "plan_setting"]

# Where files lie, who watches, and what is checked before: nothing in the results depends on these.
_NO_PART = (
    *("bundle_root", "dataset_dir", "output_dir", "stage_dir"),
    *("progress", "tensorboard", "mlflow", "mlflow_uri", "check"),
)
# Entries that a run sets itself, and what a user does instead.
_FIXED = {
    "bundle_root": "leave it out",
    "dataset_dir": "name the data set by data",
    "output_dir": "name the folder by out",
    "stage_dir": "name the folder by out",
    "progress": "leave it out: bars are drawn where a terminal is",
}


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a certain run.

    Args:
        stage: what to run.
        out: the run's folder.
        config: the stage's configs as merged, without what plays no part in the results.
        entries: the config entries that it is run with.
        data_digest: of the data set's lists and files.
    """

    stage: Stage
    out: Path
    config: Mapping[str, Any]
    entries: Mapping[str, Any]
    data_digest: str

    @property
    def folder(self) -> Path:
        """Where the stage writes."""
        return self.out / self.stage.name

    def origin(self) -> Origin:
        """Return all that its results depend on; the files of earlier stages that it reads must be there."""
        inputs = {name: sha256(self.out / name) for name in self.stage.inputs}
        return origin_of(self.config, self.stage.run_id, inputs, self.data_digest)


@dataclass(frozen=True)
class Plan:
    """What a run consists of.

    Args:
        out: the run's folder.
        bundle: the bundle's folder.
        stages: its stages, in order.
        changes: the config entries that the user replaces.
        note: what stays in the run's folder to say what it consists of.
        notes: what to say of the data before the first stage.
        mlflow_uri: where MLflow is told of the run; None: nowhere.
    """

    out: Path
    bundle: Path
    stages: tuple[PlannedStage, ...]
    changes: Mapping[str, Any]
    note: RunNote
    notes: tuple[str, ...] = ()
    mlflow_uri: str | None = None


def plan_setting(
    setting: str,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    overlays: Sequence[str] = (),
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    seeds: Sequence[int] | None = None,
    arms: Sequence[str] | None = None,
) -> Plan:
    """Return the stages of a setting, for :func:`~htl_monai.runs.workflow.run_plan`.

    Args:
        setting: see :func:`~htl_monai.runs.setting.read_setting`.
        data: the data set, see :func:`~htl_monai.data.readers.datalists.load_datalists`.
        out: the run's folder; a stage writes below the folder of its own name.
        overlays: config files applied on top of the bundle's, see :func:`~htl_monai.models.bundles.find_overlay`.
        seed: replaces the configs' seed. Where a run trains several seeds, it draws what is drawn once for all of them.
        settings: config entries to replace, applied last.
        progress: show on standard error how far it is.
        seeds: the seeds to train; their stages lie in folders of their own, ``seed_3`` and so on, and one report looks
            at all of them. None for the setting's usual ones, or one run with the seed of the configs. More seeds may
            be added to a run later.
        arms: those that are trained and compared; None for the setting's usual ones.

    Raises:
        KeyError: a config entry that does not exist.
        FileNotFoundError: setting, data, overlay or bundle is not there.
        ValueError: settings are wrong (a line for each) or not a user's to set, the arms or seeds are wrong, or the
            data lists cannot be read.
    """
    chosen = read_setting(setting)
    folder, stages = Path(out).resolve(), stages_of(chosen, arms, seeds)
    changes = asked = collect_changes(overlays, seed, settings or {})
    if arms is not None and any(stage.run_id == "finetuning" for stage in stages):
        changes = {"budget": "steps", **asked}  # arms are compared at the same number of optimizer steps
    bundle = find_bundle(chosen.bundle)
    merged = {stage.name: merged_config(bundle, stage, changes) for stage in stages}
    check_all_apply(settings or {}, merged)
    # An overlay may say something of stages that these arms do without.
    usual = stages_of(chosen, None, seeds) if arms is not None else ()
    check_all_apply(changes, merged | {stage.name: merged_config(bundle, stage, changes) for stage in usual})
    for stage in (stage for stage in stages if stage.run_id == "finetuning"):
        check_all_apply(stage.settings, {stage.name: merged[stage.name]})
        require_good_settings(stage.settings)
    refuse_fixed(asked, _FIXED | _fixed_by_stages(stages, merged))
    require_good_settings({name: value for config in merged.values() for name, value in config.items()})
    columns = merged[stages[0].name]["columns"]
    notes: list[str] = []
    lists = _lists(chosen, data, columns, notes)
    rehearse(chosen, stages, merged, lists)
    source = data_digest(lists)

    def planned(stage: Stage) -> PlannedStage:
        places = {"bundle_root": str(bundle), "dataset_dir": str(Path(data).resolve())}
        places |= {"output_dir": str(folder / stage.root), "stage_dir": str(folder / stage.name)}
        places |= _below(folder, stage.paths)
        entries = {**changes, **stage.settings, **places, "progress": progress}
        config = {key: value for key, value in merged[stage.name].items() if key not in _NO_PART}
        return PlannedStage(stage, folder, config, entries, source)

    compared, reference = compared_arms(chosen, arms)
    note = RunNote(
        stages=[stage.name for stage in stages],
        arms={arm.name: arm.meaning for arm in compared},
        mined=list(chosen.report["on"]),
        setting=setting,
        meaning=chosen.meaning,
        data=str(data),
        bundle=bundle.name,
        reference=reference,
        sparsity=entry_values(merged[layout.REPORTING], ("sparsity",))["sparsity"],
    )
    uri = _mlflow_uri(merged[stages[0].name], folder)
    return Plan(folder, bundle, tuple(planned(stage) for stage in stages), changes, note, tuple(notes), uri)


def goes_on(folder: Path, stage: Stage, fingerprint: str) -> bool:
    """Tell whether a stage has a checkpoint in its folder that was made from what this fingerprint stands for."""
    note = read_note(folder / "started.json")
    kept = stage.checkpoint is not None and (folder / stage.checkpoint).exists()
    return kept and note.get("fingerprint") == fingerprint


def _fixed_by_stages(stages: Sequence[Stage], merged: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the entries that every stage which depends on them sets to a value of its own."""
    names = {name for stage in stages for name in (*stage.settings, *stage.paths)}
    free: set[str] = set()
    for stage in stages:
        behind = entries_behind(merged[stage.name], stage.run_id)
        free |= names & behind.keys() - stage.settings.keys() - stage.paths.keys()
    return {name: f"give the option {name}" if name in ("seeds", "arms") else "leave it out" for name in names - free}


def _mlflow_uri(config: Mapping[str, Any], folder: Path) -> str | None:
    tracked = entry_values(config, ("mlflow", "mlflow_uri"))
    return tracking_uri(tracked.get("mlflow_uri"), folder) if tracked.get("mlflow") else None


def _lists(setting: Setting, data: str | os.PathLike[str], columns: Any, notes: list[str]) -> Datalists:
    return load_datalists(data, columns, "keep", say=notes.append, findings=setting.labels == "findings")


def _below(folder: Path, paths: Any) -> Any:
    """Return paths below a folder as whole ones, as deep as they lie in lists and dicts."""
    if isinstance(paths, Mapping):
        return {name: _below(folder, path) for name, path in paths.items()}
    return str(folder / paths) if isinstance(paths, str) else [_below(folder, path) for path in paths]
