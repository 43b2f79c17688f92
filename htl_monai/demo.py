"""The main job on drawn images, whose hard ones are known."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from htl_monai.data.phantom import write_phantom
from htl_monai.workflow import run_setting

__all__ = ["run_demo"]


def run_demo(
    out: str | os.PathLike[str],
    setting: str = "supervised",
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Draw the phantom into ``out/phantom`` and run a setting on it with ``configs/settings/demo.json``.

    Args:
        out: the run's folder.
        setting: see :func:`~htl_monai.workflow.run_setting`.
        seed: of the images and of the run.
        progress: show progress bars on standard error.
        say: told what is done.

    Returns:
        ``out``.
    """
    say("phantom: drawing images with planted hard groups")
    data = write_phantom(
        Path(out) / "phantom", {"training": 240, "validation": 40, "test": 120}, (64, 80), seed, progress=progress
    )
    return run_setting(setting, data, out, ["settings/demo.json"], seed, progress=progress, say=say)
