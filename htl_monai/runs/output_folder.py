"""Keeps an output folder to one command and one process: two that write into the same files leave a mixture."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from htl_monai.data.files import TEMPORARY, read_note, write_text

__all__ = ["LOCK", "NOTE", "locked_folder", "output_folder", "require_own"]

LOCK, NOTE = ".htl.lock", ".written_by_htl"
# Where there is no note: how the folders of runs and phantoms are known.
_SIGNS = {
    "phantom/phantom.json": "demo",
    "*/started.json": "run",
    "seed_*/*/started.json": "run",
    "phantom.json": "data phantom",
}


@contextlib.contextmanager
def output_folder(out: str | os.PathLike[str], command: str) -> Iterator[Path]:
    """Give a command its output folder, new or of its own, inside a ``with`` block; no other process has it meanwhile.

    The lock is the operating system's: it ends with the process, however that ends. What a killed process left
    half-written is removed. A folder in which the block wrote nothing is left as it was. Inside a block of the same
    folder another block is part of the outer one.

    Args:
        out: the folder; made where it is missing.
        command: what is written, such as ``run``; the folder of one command is refused to every other.

    Yields:
        The folder's absolute path.

    Raises:
        FileExistsError: it is a file, or a folder of another command or of other files.
        RuntimeError: another process writes into it; the message tells which.
        OSError: it cannot be written.
    """
    folder = Path(out).resolve()
    if _lock(folder).is_locked:
        yield folder
        return
    require_own(folder, command)
    is_new = not folder.exists()
    with _locked(folder, command):
        require_own(folder, command)  # again: another command may have made it while this one waited
        _write_note(folder, {"made_by": command, "writer": _myself(command)})
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):  # a full disk has been told of already
                _write_note(folder, {"made_by": command})
            if {path.name for path in folder.iterdir()} <= {LOCK, NOTE}:
                _clear(folder, is_new)


@contextlib.contextmanager
def locked_folder(out: str | os.PathLike[str], command: str) -> Iterator[None]:
    """Lock a folder of another command, such as a run that a table is added to; none that is missing is made.

    Raises:
        RuntimeError: another process writes into it; the message tells which.
        OSError: it cannot be written.
    """
    folder = Path(out).resolve()
    if _lock(folder).is_locked or not folder.is_dir():
        yield
        return
    with _locked(folder, command):
        before = read_note(folder / NOTE)
        _write_note(folder, {**before, "writer": _myself(command)})
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if "made_by" in before:
                    _write_note(folder, {"made_by": before["made_by"]})
                else:
                    (folder / NOTE).unlink(missing_ok=True)


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / LOCK, is_singleton=True)


@contextlib.contextmanager
def _locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the folder's lock, and remove what killed processes left half-written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
        lock.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(
            f"out must be a folder that no other process is writing into, got {folder}, where {_writer(folder)}; "
            "wait until it has ended, or choose another folder"
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            error.errno, f"out must be a folder that can be written, got {folder} ({reason}); choose another folder"
        ) from error
    try:
        _remove_half_written(folder)
        yield
    finally:
        lock.release()


def require_own(out: str | os.PathLike[str], command: str) -> None:
    """Refuse a folder that a command may not write into; nothing is written.

    Raises:
        FileExistsError: it is a file, or a folder of another command or of other files.
    """
    folder = Path(out).resolve()
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"out must be a folder, got the file {folder}; choose another name")
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    visible = [name for name in names if not name.startswith(".")]
    maker = read_note(folder / NOTE).get("made_by")
    content = f"which htl {maker} made"
    if maker is None and visible:
        maker, content = _without_note(folder, visible[0])
    if maker not in (None, command):
        raise FileExistsError(
            f"out must be a new folder or one that htl {command} made, got {folder}, {content}; choose another folder"
        )


def _without_note(folder: Path, example: str) -> tuple[str, str]:
    """Return who made a folder that holds something and no note, and this in words."""
    above = next((parent for parent in folder.parents if (parent / NOTE).is_file()), None)
    if above is not None or (folder / "started.json").is_file():
        return "", f"which is a part of {above or folder.parent}"
    maker = next((maker for sign, maker in _SIGNS.items() if any(folder.glob(sign))), "")
    return maker, f"which htl {maker} made" if maker else f"which holds other files, such as {example}"


def _write_note(folder: Path, note: Mapping[str, Any]) -> None:
    write_text(folder / NOTE, json.dumps(note) + "\n")


def _myself(command: str) -> dict[str, Any]:
    since = datetime.now().isoformat(sep=" ", timespec="seconds")
    return {"command": command, "process": os.getpid(), "host": platform.node(), "since": since}


def _writer(folder: Path) -> str:
    """Say in words who holds the lock; a process that has only just taken it may not have written its note."""
    writer = read_note(folder / NOTE).get("writer")
    if not isinstance(writer, dict):
        return "another process is at work"
    return (
        f"htl {writer.get('command')} is at work since {writer.get('since')} "
        f"(process {writer.get('process')} on {writer.get('host')})"
    )


def _remove_half_written(folder: Path) -> None:
    """Remove temporary files, except in folders inside that are another command's output folders."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not Path(place, name, LOCK).exists()]
        for name in names:
            if name.startswith(TEMPORARY):
                Path(place, name).unlink(missing_ok=True)


def _clear(folder: Path, is_new: bool) -> None:
    """Leave no trace of a command that wrote nothing."""
    for name in (NOTE, LOCK):
        (folder / name).unlink(missing_ok=True)
    if is_new:
        with contextlib.suppress(OSError):
            folder.rmdir()
