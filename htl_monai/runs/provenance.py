"""Records what a stage was made from, and recognises a stage that need not be made again."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from htl_monai.data.digest import digest
from htl_monai.data.files import read_note, sha256, write_json
from htl_monai.data.readers.listing import name_first
from htl_monai.runs.code_digest import code_behind

__all__ = ["Origin", "entries_behind", "origin_of", "why_to_run", "write_provenance"]

PACKAGES = ("htl-monai", "monai", "torch", "pytorch-ignite", "numpy", "pandas", "pillow", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Origin:
    """All that a stage's results depend on.

    Args:
        config: the config entries behind its run id.
        inputs: the hash of each file of earlier stages that it reads.
        data: the digest of the data set, see :func:`~htl_monai.data.digest.data_digest`.
        code: digests of modules and versions of libraries, see :func:`~htl_monai.runs.code_digest.code_behind`.
    """

    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    data: str
    code: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """One digest of all; the order of keys plays no part."""
        return digest([self.config, self.inputs, self.data, self.code])

    def changes_since(self, record: Mapping[str, Any]) -> str:
        """Say in words what is another than in the ``provenance.json`` of an earlier time.

        Example:
            >>> origin = Origin({"rate": 2}, {}, "a", {"torch": "2"})
            >>> origin.changes_since({"config": {"rate": 1}, "inputs": {}, "data": "b", "code": {"torch": "2"}})
            'rate, data changed'
        """
        parts = {name: record.get(name) for name in ("config", "inputs", "code")}
        before = {name: part if isinstance(part, dict) else {} for name, part in parts.items()}
        # Of the config a record holds the entries that play no part, too.
        config = before["config"]
        before["config"] = {key: _switched_on(value, config) for key, value in config.items() if key in self.config}
        changed = _differing(before["config"], self.config) + _differing(before["inputs"], self.inputs)
        if record.get("data") != self.data:
            changed.append("data")
        code = _differing(before["code"], self.code)
        if code:
            changed.append(f"code ({name_first(code, 3)})")
        return f"{', '.join(changed)} changed"


def origin_of(config: Mapping[str, Any], run_id: str, inputs: Mapping[str, str], data: str) -> Origin:
    """Gather what the results of a run id depend on.

    Args:
        config: the configs as merged, without what says where files lie.
        run_id: the run id.
        inputs: the hash of each file that it reads.
        data: the digest of the data set. It counts for every stage: an image may change under the same name.
    """
    entries = entries_behind(config, run_id)
    return Origin(entries, inputs, data, code_behind(entries))


def entries_behind(config: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Return the top-level config entries that a run id refers to, directly or through others.

    What a stage makes depends on these alone; a change of any other entry is no reason to make it again. A part of an
    entry that is switched off (``_disabled_``, or not ``wanted``) says nothing, and leads to nothing.

    Example:
        >>> sorted(entries_behind({"rate": 1, "net": "$f(@size)", "size": 2, "run": ["$@net.go()"]}, "run"))
        ['net', 'run', 'size']
    """
    found: dict[str, Any] = {}
    waiting = [run_id, "initialize"]
    while waiting:
        name = waiting.pop()
        if name in config and name not in found:
            found[name] = _switched_on(config[name], config)
            waiting += re.findall(r"[@%](\w+)", json.dumps(found[name], default=str))
    return found


def _switched_on(entry: Any, config: Mapping[str, Any]) -> Any:
    """Return an entry without those parts that are switched off by a reference or by a plain value."""
    if isinstance(entry, list):
        return [_switched_on(part, config) for part in entry if not _is_off(part, config)]
    if isinstance(entry, dict):
        return {key: _switched_on(part, config) for key, part in entry.items() if not _is_off(part, config)}
    return entry


def _is_off(part: Any, config: Mapping[str, Any]) -> bool:
    if not isinstance(part, dict):
        return False
    off, on = part.get("_disabled_", False), part.get("wanted", True)
    off, on = (config.get(str(value).removeprefix("@"), value) for value in (off, on))
    return off is True or on is False


def why_to_run(folder: Path, origin: Origin) -> str | None:
    """Say in words why a stage must run, or return None: its results are there, unchanged, and of this origin.

    Args:
        folder: the stage's folder. A ``provenance.json`` that is damaged counts as none: the stage is made again.
        origin: what it would be made from now.
    """
    path = folder / "provenance.json"
    if not path.exists():
        return "not done yet"
    record = read_note(path)
    outputs = record.get("outputs")
    if "fingerprint" not in record or not isinstance(outputs, dict):
        return "its provenance.json is damaged"
    if record["fingerprint"] != origin.fingerprint:
        return origin.changes_since(record)
    lost = [name for name in outputs if not (folder / name).is_file()]
    changed = [name for name, sum_ in outputs.items() if name not in lost and sha256(folder / name) != sum_]
    if lost or changed:
        return f"{name_first(lost)} is missing" if lost else f"{name_first(changed)} changed"
    return None


def write_provenance(
    folder: Path, origin: Origin, config: Mapping[str, Any], details: Mapping[str, Any], outputs: Sequence[Path]
) -> None:
    """Write ``provenance.json``, which also says that the stage is finished.

    Args:
        folder: the stage's folder.
        origin: what the stage was made from.
        config: the configs as merged; of them ``origin`` holds the entries that played a part.
        details: what else a reader wants to know: seed, device, seconds.
        outputs: the files that the stage wrote, below ``folder``.
    """
    record = {
        "stage": folder.name,
        "fingerprint": origin.fingerprint,
        **details,
        "inputs": origin.inputs,
        "data": origin.data,
        "code": origin.code,
        "outputs": {path.relative_to(folder).as_posix(): sha256(path) for path in outputs},
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
        "git_revision": _git_revision(),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPU cores",
        "config": config,
    }
    write_json(folder / "provenance.json", json.loads(json.dumps(record, default=str)))


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ, or that only one of the two has, as JSON tells them apart."""
    names = [*now, *(name for name in before if name not in now)]
    return [name for name in names if digest([before.get(name)]) != digest([now.get(name)])]


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
