"""What a setting is made of: run ids of a bundle, in order, and the files between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["NOTHING", "Setting", "Stage", "checked_seeds"]

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Stage:
    """One run id of a bundle.

    Args:
        name: the stage's folder in a run.
        run_id: the run id in the configs.
        configs: config files of the bundle, merged in order.
        inputs: files of earlier stages that it reads, below the run's folder.
        outputs: files that it writes, below its own folder.
        settings: config entries that it fixes.
        checkpoint: the file, or folder of files, from which it goes on after it was killed, below its own folder. A
            file is removed when the stage is done; a folder is what it made, and stays.
        root: the folder below the run's folder that is the stage's ``output_dir``, such as ``seed_3``: its configs
            then need not know that the run has several seeds.
    """

    name: str
    run_id: str
    configs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    checkpoint: str | None = None
    root: str = ""


@dataclass(frozen=True)
class Setting:
    """A bundle and the order of its stages.

    Args:
        bundle: the bundle's name.
        stages: its stages where no seeds are named.
        of_seeds: makes the stages of a run that trains these seeds.
        usual_seeds: the seeds of ``stages``, or none where they are those of one run with the seed of the configs.
        multi_label: whether its images are labelled with several findings each.
    """

    bundle: str
    stages: tuple[Stage, ...]
    of_seeds: Callable[[Sequence[int]], tuple[Stage, ...]]
    usual_seeds: tuple[int, ...] = ()
    multi_label: bool = False


def checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds of a run.

    Raises:
        ValueError: no seed, a negative one, or one named twice.
    """
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different numbers from 0, got {list(seeds)}; 0:5 stands for 0, 1, 2, 3, 4")
    return tuple(seeds)
