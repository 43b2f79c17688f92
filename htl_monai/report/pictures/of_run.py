"""Finds what the pictures of a run are drawn with: its networks, and the images of its data list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from htl_monai import pruning
from htl_monai.data.files import read_note
from htl_monai.engines.restored_task import RestoredTask
from htl_monai.models.model import Model
from htl_monai.models.model_record import is_plain_text
from htl_monai.pruning import Compressor
from htl_monai.report.pictures.drawn import Drawn, dense_and_pruned
from htl_monai.report.verdict import ARM_NAMES
from htl_monai.runs import layout
from htl_monai.tasks.from_metadata import from_metadata
from htl_monai.tasks.task import Task

__all__ = ["networks_of_run", "pruner_in"]

_MOST_ARMS = 3


def networks_of_run(
    folder: Path, task: str, arms: Sequence[str], level: float, entries: Mapping[str, Any], pruner: Compressor | None
) -> dict[str, Drawn]:
    """Return the networks of a run that there are, of its first seed: as trained, pruned, and of the first arms.

    Args:
        folder: of the run; what lies in it is data, and none of it is run.
        task: what they do, by its name.
        arms: by name; of those that train, some.
        level: how much the pruned one lacks.
        entries: config entries of the networks beyond their records; they run as code.
        pruner: what it was pruned by, see :func:`pruner_in`; None leaves it out.
    """
    seeds = layout.seeds_with(folder, layout.DENSE)
    root = folder / layout.seed_folder(seeds[0] if seeds else None)
    if not (root / layout.DENSE).is_file():
        return {}
    entries = {**_classes(folder / layout.DATA), **entries}
    dense = _model(root / layout.DENSE, task, entries)
    if not _loads(dense):
        return {}
    known = _task(dense)
    networks = dense_and_pruned(dense, RestoredTask(known, dense), level, pruner)
    trained = [(arm, root / layout.attended(arm) / "model.pt") for arm in arms]
    for arm, path in [(arm, path) for arm, path in trained if path.is_file()][:_MOST_ARMS]:
        model = _model(path, task, entries)
        if _loads(model):
            networks[arm] = Drawn(model, RestoredTask(known, model), ARM_NAMES.get(arm, arm.replace("_", " ")), "arm")
    return networks


def pruner_in(config: Mapping[str, Any]) -> Compressor | None:
    """Return the pruner of a recorded config; None where it is none of this package's, or made of more than numbers.

    Example:
        >>> pruner_in({"seed": 3, "pruner": {"_target_": "htl_monai.pruning.Random", "seed": "@seed"}})
        Random(amount=0.7, seed=3)
        >>> pruner_in({"pruner": {"_target_": "os.system", "command": "ls"}}) is None
        True
    """
    entry = config.get("pruner")
    entry = dict(entry) if isinstance(entry, Mapping) else {}
    kind = getattr(pruning, str(entry.pop("_target_", "")).removeprefix("htl_monai.pruning."), None)
    values = {
        key: config.get(value[1:]) if isinstance(value, str) and value.startswith("@") else value
        for key, value in entry.items()
    }
    plain = all(isinstance(value, int | float) for value in values.values())
    if not isinstance(kind, type) or not issubclass(kind, Compressor) or not plain:
        return None
    made: Callable[..., Compressor] = kind
    try:
        return made(**values)
    except (TypeError, ValueError):
        return None


def _loads(model: Model) -> bool:
    """Tell whether the network can be built from its record, which a network of a user's own cannot."""
    try:
        return model.network is not None
    except (ValueError, RuntimeError):
        return False


def _classes(path: Path) -> dict[str, Any]:
    """Return the config entries of the classes that a run's data list names, as far as none of them is code."""
    names = read_note(path).get("classes")
    if not isinstance(names, list) or not all(map(is_plain_text, names)):
        return {}
    return {"classes": names, "num_classes": len(names)}


def _model(path: Path, task: str, entries: Mapping[str, Any]) -> Model:
    model = Model.from_run(path, task=task)
    return replace(model, entries={**model.entries, **entries})


def _task(model: Model) -> Task:
    """Return the bundle's own task, with its threshold; where that needs data that are gone, what metadata tell."""
    try:
        own = model.configs.value("task")
    except RuntimeError:
        own = None
    return own if isinstance(own, Task) else from_metadata(model.metadata, model.task, model.configs.content)
