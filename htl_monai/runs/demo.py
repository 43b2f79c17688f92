"""The main job on drawn images, whose hard ones are known."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.phantoms.xray_phantom import write_xray_phantom
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan

__all__ = ["run_demo"]


def run_demo(
    out: str | os.PathLike[str],
    setting: str = "supervised",
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Draw the phantom into ``out/phantom`` and run a setting on it, as its ``demo`` says.

    Several seeds are trained: one pair of networks would be no verdict.

    Args:
        out: the run's folder.
        setting: see :func:`~htl_monai.runs.setting.read_setting`.
        seed: of the images, and the first of the seeds that are trained.
        progress: show on standard error how far it is.
        say: receives progress messages.

    Returns:
        ``out``.

    Raises:
        FileNotFoundError: there is no such setting.
        ValueError: it has no demo.
    """
    chosen = read_setting(setting)
    demo = chosen.demo
    if not demo:
        raise ValueError(f"setting must have a demo, got {setting} without; name another, or add demo to its file")
    draw = write_xray_phantom if chosen.labels == "findings" else write_phantom
    with output_folder(out, "demo") as folder:
        say("phantom: drawing images with planted hard groups")
        data = draw(folder / "phantom", demo["images"], tuple(demo["size"]), seed, progress=progress)
        seeds = range(seed, seed + demo["seeds"])
        plan = plan_setting(setting, data, folder, demo["overlays"], seed, progress=progress, seeds=seeds)
        return run_plan(plan, say)
