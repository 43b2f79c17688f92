"""What the folders of drawn data share: settings that can be, and no other data set that is overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json, write_json

SETTINGS = "phantom.json"


def check_settings(settings: Mapping[str, Any], splits: Sequence[str], fewest: int = 0) -> None:
    """Refuse numbers of images, a size and a seed that cannot be drawn."""
    counts, seed = settings["counts"], settings["seed"]
    unknown = sorted(set(counts) - set(splits))
    if unknown:
        raise ValueError(f"counts must name the splits {', '.join(splits)}, got {', '.join(unknown)}; rename them")
    for split, count in counts.items():
        if isinstance(count, bool) or int(count) != count or count < fewest:
            raise ValueError(f"counts must be whole numbers from {fewest}, got {count!r} for {split}; draw more")
    if not sum(counts.values()):
        raise ValueError("counts must be of at least one image, got none; give how many to draw")
    if seed < 0:
        raise ValueError(f"seed must be a whole number from 0, got {seed}; write 0, for example")
    check_size(settings["size"])


def check_size(size: Sequence[int]) -> None:
    """Refuse a size in which small signs would vanish."""
    if len(size) != 2 or min(size) < 32:
        raise ValueError(f"size must be (height, width) of at least 32 pixels a side, got {tuple(size)}; enlarge it")


def start_drawing(folder: Path, settings: Mapping[str, Any], last: Sequence[str], pictures: Sequence[str]) -> bool:
    """Make a folder ready to be drawn into, unless it is finished with the same settings.

    Args:
        last: the tables, the one first whose presence says "finished".
        pictures: patterns of the pictures, below a folder each; what an earlier drawing left is removed.

    Returns:
        Whether there is something to draw.
    """
    names = [*last, *(pattern.split("/")[0] for pattern in pictures)]
    if not (folder / SETTINGS).is_file() and any((folder / name).exists() for name in names):
        raise FileExistsError(f"out_dir must be no other data set, got {folder} with files of one; choose a new folder")
    if (folder / SETTINGS).is_file() and (folder / last[0]).is_file():
        if read_json(folder / SETTINGS, "delete the folder to draw it again, or choose a new one") == settings:
            return False
    for name in last:
        (folder / name).unlink(missing_ok=True)
    write_json(folder / SETTINGS, settings)
    for pattern in pictures:
        (folder / pattern).parent.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(pattern):
            path.unlink()
    return True
