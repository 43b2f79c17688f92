"""Tells for each stage of a planned run whether it would run, and why, without running or writing anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monai.bundle import ConfigParser

from htl_monai.data.readers.listing import name_first
from htl_monai.runs.overlays import applicable, merged_config
from htl_monai.runs.plan import Plan, PlannedStage, goes_on
from htl_monai.runs.provenance import why_to_run

__all__ = ["differing", "forecast"]

_DONE = "done already"


def forecast(plan: Plan) -> dict[str, str]:
    """Return what would become of each stage, in words, by its name.

    A stage that is done and that reads what another stage makes anew runs only if that comes out otherwise, which
    cannot be known before.
    """
    found: dict[str, str] = {}
    open_stages: list[str] = []
    for planned in plan.stages:
        name = planned.stage.name
        before = [other for other in open_stages if any(path.startswith(f"{other}/") for path in planned.stage.inputs)]
        found[name] = _fate(planned, before)
        if found[name] != _DONE:
            open_stages.append(name)
    return found


def differing(plan: Plan) -> dict[str, tuple[Any, Any]]:
    """Return for each entry that the user replaces by another value the bundle's value and the user's."""
    found: dict[str, tuple[Any, Any]] = {}
    for stage in {planned.stage.configs: planned.stage for planned in plan.stages}.values():
        bundle = ConfigParser(merged_config(plan.bundle, replace(stage, settings={}), {}))
        for name, value in applicable(plan.changes, bundle.get()).items():
            if bundle.get(name) != value:
                found.setdefault(name, (bundle.get(name), value))
    return found


def _fate(planned: PlannedStage, before: list[str]) -> str:
    is_done = (planned.folder / "provenance.json").exists()
    if not all((planned.out / name).is_file() for name in planned.stage.inputs):
        return f"runs {'again ' if is_done else ''}after {name_first(before, 3)}"
    origin = planned.origin()
    why = why_to_run(planned.folder, origin)
    if why is not None and goes_on(planned.folder, planned.stage, origin.fingerprint):
        return "goes on from its last checkpoint"
    if why is not None:
        return f"runs{' again' if is_done else ''}: {why}"
    ends = "ends" if len(before) == 1 else "end"
    return f"done; runs again if {name_first(before, 3)} {ends} otherwise than before" if before else _DONE
