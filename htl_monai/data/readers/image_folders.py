"""Finds the image files of a chest X-ray data set by their names."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

# In the order of preference where one picture lies there in several formats.
_RANK = {suffix: rank for rank, suffix in enumerate((".png", ".jpg", ".jpeg", ".dcm", ".dicom"))}
# NIH ships its images in twelve parts, images_001 to images_012.
PART = re.compile(r"images_0\d\d")
TREE = "files"  # MIMIC-CXR's


def find_images(root: Path, keys: Sequence[str], folder: str | None = None) -> tuple[list[str | None], Path]:
    """Look for the images of a label file in the folders of a data set.

    Looked through are each folder ``images*`` (``images_001``, ``images_002``, … count as one), ``files`` and the files
    of ``root`` itself, or ``folder`` below it alone. Of several that hold images which are asked for, the one with most
    of them is taken, of equals the last by name. Names are compared without suffix, because a label file may say
    ``.dcm`` where the images are ``.jpg``. Keys are file names, or paths relative to ``root`` or to such a folder.

    Returns:
        the path of each key, None where it is not there, and the folder that they come from (``root`` where they come
        from several parts, or from none).
    """
    stems = [_without_suffix(key) for key in keys]
    best: list[str | None] = [None] * len(stems)
    most, place = 1, root
    for folders in _sources(root, folder):
        source = _Source(root, folders)
        found = [source.find(stem) for stem in stems]
        count = len(found) - found.count(None)
        if count >= most:
            best, most, place = found, count, folders[0] if len(folders) == 1 else root
    return best, place


def _sources(root: Path, folder: str | None) -> list[list[Path]]:
    if folder is not None:
        if not (root / folder).is_dir():
            raise FileNotFoundError(f"images must name a folder in {root}, got {folder}, which is not there")
        return [[root / folder]]
    folders = sorted(
        (entry for entry in root.iterdir() if entry.name.startswith("images") or entry.name == TREE),
        key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)],
    )
    folders = [path for path in folders if path.is_dir()]
    parts = [path for path in folders if PART.fullmatch(path.name)]
    return [[root], *([path] for path in folders if path not in parts), *([parts] if parts else [])]


class _Source:
    """The image files of some folders by their path from ``root`` and by their name, both without suffix."""

    def __init__(self, root: Path, folders: Sequence[Path]) -> None:
        self._by_path: dict[str, tuple[int, str]] = {}
        self._by_name: dict[str, str] = {}
        self._prefixes = ["", *(folder.relative_to(root).as_posix() + "/" for folder in folders if folder != root)]
        for folder in folders:
            for parent, below, names in os.walk(folder):
                if folder == root:
                    below.clear()
                self._add(os.path.relpath(parent, root).replace(os.sep, "/"), parent, names)

    def _add(self, relative: str, parent: str, names: Sequence[str]) -> None:
        for name in names:
            stem, suffix = os.path.splitext(name)
            rank = _RANK.get(suffix.lower())
            if rank is not None:
                entry, path = (rank, os.path.join(parent, name)), stem if relative == "." else f"{relative}/{stem}"
                self._by_path[path] = min(self._by_path.get(path, entry), entry)
                # A name found in two folders identifies no image.
                self._by_name[stem] = path if self._by_name.get(stem, path) == path else ""

    def find(self, stem: str) -> str | None:
        tried = [prefix + stem for prefix in self._prefixes] if "/" in stem else []
        tried.append(self._by_name.get(stem.rsplit("/", 1)[-1], ""))
        return next((self._by_path[path][1] for path in tried if path in self._by_path), None)


def _without_suffix(key: str) -> str:
    stem, suffix = os.path.splitext(key.replace("\\", "/").lstrip("/"))
    return stem if suffix.lower() in _RANK else stem + suffix
