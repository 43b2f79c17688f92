"""Finds the pictures that a person points at and gives each a name of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from htl_monai.data.pictures import SUFFIXES, is_picture

__all__ = ["Images", "find_images", "output_names"]

Images = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def find_images(images: Images, out_dir: str | os.PathLike[str]) -> list[Path]:
    """List the pictures of a file, a folder or a list.

    Args:
        images: a file; a folder, searched with its subfolders for supported pictures, hidden ones and ``out_dir`` left
            out, sorted by path; or a list of files, kept in its order. Files that are named are kept even where they
            are missing or damaged, so that they are reported and not passed over.
        out_dir: where results will go.

    Returns:
        At least one path, each only once.

    Raises:
        FileNotFoundError: ``images`` is a path that does not exist.
        ValueError: there is no picture, or ``out_dir`` is a folder that holds one of them, where results such as
            ``<name>_mask.png`` could replace a person's own files.
    """
    out_dir = Path(out_dir)
    if isinstance(images, (str, os.PathLike)):
        source = Path(images)
        if not source.exists():
            raise FileNotFoundError(f"images must be a file or folder, got {source}; check the path")
        found = _in_folder(source, out_dir.resolve()) if source.is_dir() else [source]
    else:
        source, found = None, list(dict.fromkeys(Path(image) for image in images))
    if not found:
        place = f"none in {source}" if source else "an empty list"
        raise ValueError(f"images must hold at least one picture, got {place}; supported are {', '.join(SUFFIXES)}")
    for path in found:
        if path.parent.resolve() == out_dir.resolve():
            raise ValueError(f"out_dir must not hold the images, got {out_dir} with {path.name}; choose another folder")
    return found


def output_names(paths: Sequence[Path]) -> list[str]:
    """Give each picture a name for its results: its stem, with ``-2``, ``-3``, … where an earlier one has it already.

    Names differ in more than upper and lower case, as some file systems do not tell these apart.

    Example:
        >>> output_names([Path("a/x.png"), Path("b/x.png"), Path("b/X.nii.gz")])
        ['x', 'x-2', 'X-3']
    """
    stems = [_stem(path) for path in paths]
    reserved = {stem.casefold() for stem in stems}
    taken: set[str] = set()
    names = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in reserved):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _in_folder(folder: Path, out_dir: Path) -> list[Path]:
    if folder.resolve() == out_dir:
        raise ValueError(f"out_dir must not be the folder of the images, got {out_dir}; choose another folder")
    earlier_results = out_dir if folder.resolve() in out_dir.parents else None
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and earlier_results not in path.resolve().parents
        and is_picture(path)
    ]


def _stem(path: Path) -> str:
    fitting = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    return path.name[: -len(max(fitting, key=len))] if fitting else path.name
