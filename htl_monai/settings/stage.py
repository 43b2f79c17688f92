"""What a setting is made of: run ids of a bundle, in order, and the files between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["NOTHING", "Setting", "Stage"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Stage:
    """One run id of a bundle.

    Args:
        name: the stage's folder in a run.
        run_id: the run id in the configs.
        configs: config files of the bundle, laid upon each other in order.
        inputs: files of earlier stages that it reads, below the run's folder.
        outputs: files that it writes, below its own folder.
        settings: config entries that it fixes.
        checkpoint: the file, or folder of files, from which it goes on after it was killed, below its own folder. A
            file is removed when the stage is done; a folder is what it made, and stays.
    """

    name: str
    run_id: str
    configs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    checkpoint: str | None = None


@dataclass(frozen=True)
class Setting:
    """A bundle and the order of its stages.

    Args:
        bundle: the bundle's name.
        stages: its stages; of a setting that trains several seeds, those of its usual seeds.
        of_seeds: makes the stages for other seeds, or None where a run has one seed.
        multi_label: whether its images are labelled with several findings each.
    """

    bundle: str
    stages: tuple[Stage, ...]
    of_seeds: Callable[[Sequence[int]], tuple[Stage, ...]] | None = None
    multi_label: bool = False
