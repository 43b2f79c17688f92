"""Runs the stages of a setting in order, skips what is done, and goes on where a killed run stopped."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow

from htl_monai.data.files import write_json
from htl_monai.handlers.mlflow_run import MLflowRun
from htl_monai.models.bundles import bundle_config
from htl_monai.models.model_record import HEAT_MAPS, NETWORK
from htl_monai.report.made_report import make_report
from htl_monai.runs import layout
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.overlays import applicable, entry_values, merged_config
from htl_monai.runs.plan import Plan, PlannedStage, goes_on
from htl_monai.runs.provenance import Origin, why_to_run, write_provenance
from htl_monai.runs.stage import Stage
from htl_monai.runs.stage_log import NOWHERE, stage_log
from htl_monai.runs.stage_processes import Job, ready_jobs, run_in_processes
from htl_monai.runs.tracking import tracked_run, tracked_stage

__all__ = ["run_plan", "run_stage"]

_OF_NETWORK = ("network_def", "mean", "std")
"""What a user may replace of a network, and no record of it holds as plain values."""

logger = logging.getLogger(__name__)
Say = Callable[[str], None]


def run_plan(plan: Plan, say: Say = print) -> Path:
    """Run all stages of a run; stages that are done and whose inputs are unchanged are skipped.

    A run of several seeds on CPUs does its stages in processes of one thread each, beside each other, as many as there
    are free cores; its results depend on neither the cores nor the threads. A program that calls this guards its own
    entry by ``if __name__ == "__main__"`` then.

    Args:
        plan: of :func:`~htl_monai.runs.plan.plan_setting`.
        say: receives a message for each stage that runs, is skipped or resumes.

    Returns:
        The run's folder.

    Raises:
        FileExistsError: it is no run's folder.
        RuntimeError: another process writes into it.
        ValueError: the data cannot be used, or a stage's arguments are wrong.
    """
    for note in plan.notes:
        say(note)
    with output_folder(plan.out, "run") as folder, tracked_run(plan, folder) as tracked:
        plan.note.write(folder)
        if any(planned.stage.root for planned in plan.stages) and _is_on_cpu(plan.stages[-1]):
            _run_in_processes(plan, tracked, say)
        else:
            for planned in plan.stages:
                _run_or_skip(plan.bundle, planned, tracked, say)
        if _is_page_behind(plan):
            with stage_log(NOWHERE):
                make_report(folder, entries={name: plan.changes[name] for name in _OF_NETWORK if name in plan.changes})
    return folder


def _is_page_behind(plan: Plan) -> bool:
    """Tell whether there is no report, or a stage was done since."""
    page, records = plan.out / layout.REPORT, [planned.folder / "provenance.json" for planned in plan.stages]
    return not page.is_file() or max(path.stat().st_mtime for path in records) > page.stat().st_mtime


def _run_in_processes(plan: Plan, tracked: MLflowRun | None, say: Say) -> None:
    """Run what is not done; that is found out in this process, as there is nothing to compute for it."""
    done: set[str] = set()
    jobs = []
    for planned in plan.stages:
        job = Job(planned.stage.name, planned.stage.inputs, partial(_run_or_skip, plan.bundle, planned, tracked))
        if ready_jobs([job], done) and _is_done(planned):
            say(f"{job.name}: done already")
            done.add(job.name)
        else:
            jobs.append(job)
    run_in_processes(jobs, done, say)


def _is_done(planned: PlannedStage) -> bool:
    """Tell whether a stage whose inputs are there need not run."""
    return why_to_run(planned.folder, planned.origin()) is None


def _is_on_cpu(planned: PlannedStage) -> bool:
    device = ConfigParser(dict(planned.config)).get_parsed_content("device")
    return bool(device.type == "cpu")


def run_stage(bundle: Path, stage: Stage, entries: Mapping[str, Any], log_path: Path | None = None) -> str:
    """Run one stage of a bundle in this process, as ``python -m monai.bundle run`` would.

    Args:
        bundle: the bundle's folder.
        stage: what to run.
        entries: config entries to replace; keys may name nested ones (``train#dataset#cache_rate``).
        log_path: where the log goes; to the logging set up so far where None.

    Returns:
        The device that it ran on.

    Raises:
        Exception: what the stage raised, not the config parser's wrapping of it.
    """
    with stage_log(log_path):
        try:
            workflow = ConfigWorkflow(
                config_file=[str(bundle_config(bundle, name)) for name in stage.configs],
                meta_file=str(bundle / "configs" / "metadata.json"),
                logging_file=False,
                workflow_type="train",
                run_id=stage.run_id,
                **applicable(entries, merged_config(bundle, stage, {})),
            )
            workflow.initialize()
            device = str(workflow.parser.get_parsed_content("device"))
            logger.info("%s begins on %s", stage.name, device)
            workflow.run()
            workflow.finalize()
            logger.info("%s is done", stage.name)
            return device
        except RuntimeError as error:
            raise _cause(error) from error


def _run_or_skip(bundle: Path, planned: PlannedStage, tracked: MLflowRun | None, say: Say) -> None:
    stage, folder, origin = planned.stage, planned.folder, planned.origin()
    why = why_to_run(folder, origin)
    if why is None:
        say(f"{stage.name}: done already")
        return
    beginning = _claim(folder, stage, origin.fingerprint)
    again = f" again: {why}" if beginning == "running" and (folder / "provenance.json").exists() else ""
    say(f"{stage.name}: {beginning}{again}")
    with tracked_stage(planned, origin, tracked) as entries:
        _run(bundle, planned, origin, entries)
    if stage.checkpoint and (folder / stage.checkpoint).is_file():
        (folder / stage.checkpoint).unlink()


def _run(bundle: Path, planned: PlannedStage, origin: Origin, entries: Mapping[str, Any]) -> None:
    """Run a stage, and record what it was made from."""
    stage, folder, start = planned.stage, planned.folder, time.monotonic()
    device = run_stage(bundle, stage, entries, folder / "log.txt")
    details = {
        "bundle": bundle.name,
        "run_id": stage.run_id,
        "seed": planned.config["seed"],
        "device": device,
        "seconds": round(time.monotonic() - start, 1),
        # Values, and no expressions: who reads them beside the weights must not run them.
        "network": entry_values(planned.config, (*NETWORK, *HEAT_MAPS)),
    }
    outputs = [folder / name for name in stage.outputs]
    missing = [str(path) for path in outputs if not path.is_file()]
    if missing:
        raise RuntimeError(f"{stage.name} must write {', '.join(missing)}, which is not there; see {folder}/log.txt")
    write_provenance(folder, origin, planned.config, details, outputs)


def _claim(folder: Path, stage: Stage, fingerprint: str) -> str:
    """Note what the stage is about to be made from; drop a checkpoint that was made from something else."""
    kept = goes_on(folder, stage, fingerprint)
    if stage.checkpoint is not None and not kept:
        _remove(folder / stage.checkpoint)
    write_json(folder / "started.json", {"fingerprint": fingerprint})
    return "going on from its last checkpoint" if kept else "running"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _cause(error: BaseException) -> BaseException:
    """Return what went wrong inside a config expression, which the parser hides behind its own error."""
    while isinstance(error, RuntimeError) and str(error).startswith("Failed to") and error.__cause__ is not None:
        error = error.__cause__
    return error
