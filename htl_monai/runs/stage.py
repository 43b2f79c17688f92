"""What a run is made of: run ids of a bundle, in order, and the files between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Stage"]

_NOTHING: Mapping[str, Any] = {}


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
        paths: config entries that say where files lie, as paths below the run's folder, or lists or dicts of them.
    """

    name: str
    run_id: str
    configs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    checkpoint: str | None = None
    root: str = ""
    paths: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
