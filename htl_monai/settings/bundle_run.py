"""Checks a bundle that ``python -m monai.bundle run`` has loaded, before it runs."""

from __future__ import annotations

import difflib
import inspect
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS

from htl_monai.models.bundles import stage_configs
from htl_monai.settings.checks import wrong_settings

__all__ = ["check_bundle_run", "without_effect"]

# What the option --tracking of MONAI adds.
_TRACKING = {name for settings in DEFAULT_EXP_MGMT_SETTINGS.values() for name in settings["configs"]}


def check_bundle_run() -> None:
    """Refuse entries that do nothing, and settings that are wrong.

    MONAI adds whatever the command line names to the config, and ignores what nothing refers to: with
    ``--max_epoch 3`` a training runs all its epochs. A config that lists this function under ``initialize`` catches
    that, and wrong settings, before the run. It looks for the workflow that evaluates the config among its callers,
    since MONAI hands expressions no config; where there is none, because an application reads the config with a parser
    of its own, nothing is checked.

    Raises:
        ValueError: a sentence a line for entries that are in no config of the bundle and that no other entry refers
            to, and for settings that are wrong.
        SystemExit: the same, where ``python -m monai.bundle`` runs: MONAI would end with its own error instead.
    """
    workflow = _calling_workflow()
    if workflow is None:
        return
    config = {name: value for name, value in workflow.parser.get().items() if name != "_meta_"}
    bundle = Path(workflow.config_root_path).parent
    known = {name for path in stage_configs(bundle) for name in _top_level(path)}
    known |= {workflow.run_id, workflow.init_id, workflow.final_id, *_TRACKING}
    problems = [_sentence(name, known) for name in without_effect(config, known)] + wrong_settings(config)
    if problems:
        on_command_line = Path(sys.argv[0]).parts[-3:] == ("monai", "bundle", "__main__.py")
        raise (SystemExit if on_command_line else ValueError)("\n".join(problems))


def without_effect(config: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """Return the entries that are not known and that no other entry refers to.

    Example:
        >>> without_effect({"epochs": 2, "epoch": 3, "lr": "@my_lr", "my_lr": 0.1}, ["epochs", "lr"])
        ['epoch']
    """
    referred = {
        name
        for other, value in config.items()
        for name in re.findall(r"[@%](\w+)", json.dumps(value, default=str))
        if name != other
    }
    return [name for name in config if name not in {*known} | referred]


def _sentence(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*known], n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "leave it out, or refer to it in a config file"
    return f"{name} must be an entry of the bundle's configs, which have none of that name, so it does nothing; {hint}"


def _top_level(path: Path) -> set[str]:
    return {re.split("#|::", name.lstrip("+~"))[0] for name in json.loads(path.read_text(encoding="utf-8"))}


def _calling_workflow() -> ConfigWorkflow | None:
    frame = inspect.currentframe()
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, ConfigWorkflow):
            return caller
        frame = frame.f_back
    return None
