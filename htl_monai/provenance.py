"""Records what a stage was made from, and recognises a stage that need not be made again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json, sha256, write_json
from htl_monai.data.listing import Datalists

__all__ = ["data_digest", "digest", "entries_behind", "is_done", "write_provenance"]

PACKAGES = ("htl-monai", "monai", "torch", "pytorch-ignite", "numpy", "pandas", "pillow", "scipy", "scikit-learn")


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON-like value; the order of keys plays no part."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def entries_behind(config: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Return the top-level config entries that a run id refers to, directly or through others.

    What a stage makes depends on these alone; a change of any other entry is no reason to make it again.

    Example:
        >>> sorted(entries_behind({"rate": 1, "net": "$f(@size)", "size": 2, "run": ["$@net.go()"]}, "run"))
        ['net', 'run', 'size']
    """
    found: dict[str, Any] = {}
    waiting = [run_id, "initialize"]
    while waiting:
        name = waiting.pop()
        if name in config and name not in found:
            found[name] = config[name]
            waiting += re.findall(r"[@%](\w+)", json.dumps(config[name], default=str))
    return found


def data_digest(datalists: Datalists) -> str:
    """Return a digest of data lists and of name, size and time of change of their files; none is opened.

    A label that is no path, such as a class vector, counts by its value.
    """
    described = {
        split: [
            {
                key: _file(value) if key in ("image", "label") and isinstance(value, str) else value
                for key, value in item.items()
            }
            for item in items
        ]
        for split, items in datalists.items()
    }
    return digest(described)


def is_done(folder: Path, fingerprint: str) -> bool:
    """Tell whether ``folder`` holds a finished stage of this fingerprint with its outputs unchanged."""
    path = folder / "provenance.json"
    if not path.is_file():
        return False
    record = read_json(path, "delete it to make the stage again")
    outputs = record.get("outputs")
    if not isinstance(outputs, dict):
        raise ValueError(f"{path} must name the stage's outputs, got none; delete it to make the stage again")
    return bool(record.get("fingerprint") == fingerprint) and all(
        (folder / name).is_file() and sha256(folder / name) == sum_ for name, sum_ in outputs.items()
    )


def write_provenance(
    folder: Path, fingerprint: str, config: Mapping[str, Any], details: Mapping[str, Any], outputs: Sequence[Path]
) -> None:
    """Write ``provenance.json``, which also says that the stage is finished.

    Args:
        folder: the stage's folder.
        fingerprint: of all that the stage depends on.
        config: the configs as merged.
        details: what else a reader wants to know: seed, device, seconds, hashes of the inputs.
        outputs: the files that the stage wrote, below ``folder``.
    """
    record = {
        "stage": folder.name,
        "fingerprint": fingerprint,
        **details,
        "outputs": {path.relative_to(folder).as_posix(): sha256(path) for path in outputs},
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "git_revision": _git_revision(),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores",
        "config": config,
    }
    write_json(folder / "provenance.json", json.loads(json.dumps(record, default=str)))


def _file(path: str) -> list[Any]:
    stat = Path(path).stat() if Path(path).is_file() else None
    return [Path(path).name, stat and stat.st_size, stat and stat.st_mtime_ns]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Return the revision of the source tree that runs, with ``+changes`` where it is not clean; None outside one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--dirty=+changes"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None
