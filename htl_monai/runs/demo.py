"""The main job on drawn images, whose hard ones are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.phantoms.xray_phantom import write_xray_phantom
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.workflow import run_plan

__all__ = ["run_demo"]

_LABELLED = {"training": 240, "validation": 40, "test": 120}


@dataclass(frozen=True)
class _Demo:
    """How many images of each list are drawn, by what and of which size, and what the run is told."""

    counts: Mapping[str, int]
    draw: Callable[..., Path] = write_phantom
    size: tuple[int, int] = (48, 64)
    overlays: Sequence[str] = ("sizes/demo.json",)
    n_seeds: int = 4  # a whole number of rounds on two cores


_DEMOS = {
    "supervised": _Demo(_LABELLED),
    "semi_supervised": _Demo({**_LABELLED, "unlabelled": 240}),
    # What it trains on has no masks.
    "weakly_supervised": _Demo({"test": 120, "unlabelled": 280}, overlays=("sizes/demo.json", "sizes/demo_weak.json")),
    "chest_xray": _Demo(
        {"training": 600, "validation": 100, "test": 400},
        draw=write_xray_phantom,
        size=(64, 64),
        overlays=("sizes/demo_chest.json",),
        n_seeds=3,
    ),
}


def run_demo(
    out: str | os.PathLike[str],
    setting: str = "supervised",
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Draw the phantom into ``out/phantom`` and run a setting on it with ``configs/sizes/demo.json``.

    The semi-supervised setting gets images without mask, too. The weakly supervised one has masks of the test images
    alone, and ``configs/sizes/demo_weak.json`` on top. The chest X-ray setting has a phantom and an overlay of its
    own. Each trains several seeds: one pair of networks would be no verdict.

    Args:
        out: the run's folder.
        setting: see :func:`~htl_monai.runs.plan.plan_setting`.
        seed: of the images, and the first of the seeds that are trained.
        progress: show on standard error how far it is.
        say: receives progress messages.

    Returns:
        ``out``.

    Raises:
        KeyError: there is no such setting.
    """
    if setting not in _DEMOS:
        raise KeyError(f"setting must be one of {', '.join(_DEMOS)}, got {setting!r}; choose one of them")
    demo = _DEMOS[setting]
    seeds = range(seed, seed + demo.n_seeds)
    with output_folder(out, "demo") as folder:
        say("phantom: drawing images with planted hard groups")
        data = demo.draw(folder / "phantom", demo.counts, demo.size, seed, progress=progress)
        return run_plan(plan_setting(setting, data, folder, demo.overlays, seed, progress=progress, seeds=seeds), say)
