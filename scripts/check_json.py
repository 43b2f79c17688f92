"""Refuses JSON files that no strict reader would take: unparsable, with a repeated key or a NaN, or oddly indented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

INDENTED = "configs"  # what lies in a folder of this name is edited by people: 4 spaces a level
ODD_INDENT = re.compile(r"^(?!(?: {4})*\S)", re.MULTILINE)


def check_json(path: Path, indented: bool = False) -> None:
    """Read a JSON file strictly.

    Args:
        path: the file.
        indented: whether each line must be indented by a multiple of 4 spaces.

    Raises:
        ValueError: the file is no JSON, repeats a key in one object, holds NaN or Infinity, or is oddly indented.
    """
    text = path.read_text(encoding="utf-8")
    try:
        json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ValueError(f"{path} must be strict JSON, got {error}") from error
    odd = ODD_INDENT.search(text.rstrip("\n")) if indented else None
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise ValueError(f"{path} must be indented by 4 spaces a level, got line {line}; indent it so")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if repeated:
        raise ValueError(f"the key {repeated[0]!r} more than once in one object; keep one of them")
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the constant {name}, which JSON does not have; write null or a string")


def main(names: Sequence[str]) -> int:
    """Check the named files, or else every JSON file that git does not ignore; print each fault."""
    if not names:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.json"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    faults = 0
    for name in filter(lambda name: Path(name).is_file(), names):
        try:
            check_json(Path(name), indented=INDENTED in Path(name).parts)
        except ValueError as error:
            print(error, file=sys.stderr)
            faults += 1
    print(f"{len(names)} JSON files, {faults} with a fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
