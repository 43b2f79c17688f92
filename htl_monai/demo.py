"""The main job on drawn images, whose hard ones are known."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from htl_monai.data.phantom import write_phantom
from htl_monai.data.xray_phantom import write_xray_phantom
from htl_monai.workflow import run_setting

__all__ = ["run_demo"]

_LABELLED = {"training": 240, "validation": 40, "test": 120}
# How many images of each list are drawn; what the weak setting trains on has no masks.
_COUNTS = {
    "supervised": _LABELLED,
    "semi_supervised": {**_LABELLED, "unlabelled": 240},
    "weakly_supervised": {"test": 120, "unlabelled": 280},
    "chest_xray": {"training": 600, "validation": 100, "test": 400},
}
_OVERLAYS = {
    "weakly_supervised": ["settings/demo.json", "settings/demo_weak.json"],
    "chest_xray": ["settings/demo_chest.json"],
}
_SEEDS = {"chest_xray": range(3)}


def run_demo(
    out: str | os.PathLike[str],
    setting: str = "supervised",
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Draw the phantom into ``out/phantom`` and run a setting on it with ``configs/settings/demo.json``.

    The semi-supervised setting gets images without mask, too. The weakly supervised one has masks of the test images
    alone, and ``configs/settings/demo_weak.json`` on top. The chest X-ray setting has a phantom and an overlay of its
    own, and three seeds.

    Args:
        out: the run's folder.
        setting: see :func:`~htl_monai.workflow.run_setting`.
        seed: of the images and of the run.
        progress: show progress bars on standard error.
        say: told what is done.

    Returns:
        ``out``.

    Raises:
        KeyError: there is no such setting.
    """
    if setting not in _COUNTS:
        raise KeyError(f"setting must be one of {', '.join(_COUNTS)}, got {setting!r}; choose one of them")
    say("phantom: drawing images with planted hard groups")
    folder, counts = Path(out) / "phantom", _COUNTS[setting]
    if setting == "chest_xray":
        data = write_xray_phantom(folder, counts, (64, 64), seed, progress=progress)
    else:
        data = write_phantom(folder, counts, (64, 80), seed, progress=progress)
    overlays = _OVERLAYS.get(setting, ["settings/demo.json"])
    return run_setting(setting, data, out, overlays, seed, progress=progress, say=say, seeds=_SEEDS.get(setting))
