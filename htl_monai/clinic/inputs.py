"""Finds the pictures that a person points at and gives each a name of its own."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from htl_monai.data.images.pictures import SUFFIXES, is_picture

# With what is put after it, such as "_overlay.png", a name must stay within the 255 bytes of a file system.
_MAX_NAME_BYTES = 200
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, bytes that are no text, and ends of lines
Images = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def find_images(images: Images, out_dir: str | os.PathLike[str]) -> list[Path]:
    """List the pictures of a file, a folder or a list.

    Args:
        images: a file; a folder, searched with its subfolders for supported pictures, hidden ones and ``out_dir`` left
            out, sorted by path; or a list of files, kept in its order. What is named, or called like a picture, is kept
            even where it is missing, damaged or no file at all, and so is a folder that cannot be looked into, so that
            they are reported and not passed over.
        out_dir: where results will go.

    Returns:
        At least one path, each only once.
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

    Names differ in more than upper and lower case, as some file systems do not tell these apart. They are printable,
    and cut where a file of results could not be called so.

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


def printable(value: object) -> str:
    """Return text that can be written and shown, with control characters and bytes that are no UTF-8 as escapes.

    Example:
        >>> printable(Path(os.fsdecode(b"caf\\xe9\\n.png")))
        'caf\\\\udce9\\\\n.png'
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNPRINTABLE else char
        for char in str(value)
    )


def _in_folder(folder: Path, out_dir: Path) -> list[Path]:
    if folder.resolve() == out_dir:
        raise ValueError(f"out_dir must not be the folder of the images, got {out_dir}; choose another folder")
    found: list[Path] = []
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".") and Path(place, name).resolve() != out_dir]
        found += [
            path
            for path in (Path(place, name) for name in files if not name.startswith("."))
            # A link to itself or a pipe is called like a picture, too: reading it says what it is.
            if path.name.lower().endswith(SUFFIXES) or is_picture(path)
        ]
    return sorted([*found, *(Path(os.fsdecode(error.filename)) for error in closed)])


def _stem(path: Path) -> str:
    fitting = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    stem = printable(path.name[: -len(max(fitting, key=len))] if fitting else path.name)
    return stem.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
