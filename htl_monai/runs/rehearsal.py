"""Rehearses what arms choose, before anything is trained: on scores that have only the names of those to come."""

from __future__ import annotations

import pydoc
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from monai.bundle import ConfigParser
from xarray import Dataset, Variable

from htl_monai.attention.choice import Choice
from htl_monai.data.readers.listing import Datalists, Item
from htl_monai.ranking.registry import rankings
from htl_monai.runs.setting import Setting
from htl_monai.runs.stage import Stage
from htl_monai.scores.metadata import coordinates_of
from htl_monai.tasks.task import Task

__all__ = ["rehearse"]

Config = Mapping[str, Any]


def rehearse(setting: Setting, stages: Sequence[Stage], merged: Mapping[str, Config], lists: Datalists) -> None:
    """Refuse arms that choose by what no mining will say, or more images than there are.

    Nothing is said of a mining whose task does not state what it ``says``.

    Args:
        setting: what the run consists of.
        stages: its stages.
        merged: the configs of each as merged, by name.
        lists: the data.

    Raises:
        ValueError: names the arm.
    """
    source = setting.choose["from"][0]
    mining = next(merged[stage.name] for stage in stages if stage.name.endswith(source))
    items, labelled = lists[setting.mined[source]["split"]], setting.choose.get("labelled", True)
    choices: dict[str, Choice] = {}
    for stage in (stage for stage in stages if stage.run_id == "selecting"):
        recorded = "dynamics_paths" in stage.paths and not setting.pseudo_labels  # of images that are trained on
        scores = _to_come(mining, "mine#evaluator", items, labelled, recorded)
        parser = ConfigParser(deepcopy(dict(merged[stage.name])))
        for arm, changes in parser.get_parsed_content("arms").items():
            choices[arm] = parser.get_parsed_content("choice").of_arm(changes)
            _require(arm, choices[arm], scores, f"the stage {source} of {setting.bundle}")
    for stage in (stage for stage in stages if "miner" in merged[stage.name]):
        arm, scores = stage.settings["arm"], _to_come(merged[stage.name], "miner#evaluator", items, labelled, False)
        _require(arm, choices[arm], scores, f"mining again in {setting.bundle}")


def _to_come(config: Config, evaluator: str, items: Sequence[Item], labelled: bool, recorded: bool) -> Dataset | None:
    """Return zeros under the names that a mining will write, with what the training recorded if that comes to them."""
    entry = config.get("task")
    task = pydoc.locate(str(entry.get("_target_"))) if isinstance(entry, Mapping) else None
    if not (isinstance(task, type) and issubclass(task, Task) and task.says):
        return None
    names = {*task.says, *(task.says_of_labels if labelled else ())}
    if recorded:
        names |= {name for kind in rankings().values() for name in kind.variables if name.startswith("dynamics_")}
    levels = [0.0, *ConfigParser(deepcopy(dict(config))).get_parsed_content(f"{evaluator}#sparsities")]
    axes = ("level", "sample", "class")
    zeros = Variable(axes, np.broadcast_to(0.0, (len(levels), len(items), 2)))
    primary = task.primary if labelled else task.primary_agreement
    coordinates = {"level": levels, **coordinates_of(items, {*names, *axes, "seed"})}
    return Dataset(dict.fromkeys(names, zeros), coordinates, {"primary": primary, "labelled": labelled})


def _require(arm: str, choice: Choice, scores: Dataset | None, where: str) -> None:
    if scores is None:
        return
    for by in (choice.made(scores), choice.counted(scores)):
        reason = by.missing(scores)
        if reason is not None:
            possible = [name for name, kind in rankings().items() if kind().missing(scores) is None]
            raise ValueError(
                f"ranking of the arm {arm} must be one that {where} makes, got {by.name}: {reason.rstrip('.')}; leave "
                f"the arm out, or take {', '.join(possible)}"
            )
    if choice.rule == "count" and choice.amount > scores.sizes["sample"]:
        raise ValueError(
            f"amount of the arm {arm} must be at most {scores.sizes['sample']}, the number of images to choose from, "
            f"got {choice.amount}; lower it, or take rule top"
        )
