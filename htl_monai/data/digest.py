"""Digests of data lists and of anything else that JSON can express."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from htl_monai.data.readers.listing import Item


def digest(content: Any) -> str:
    """Return the SHA-256 of a JSON-like value; the order of keys plays no part."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def data_digest(datalists: Mapping[str, Sequence[Item]]) -> str:
    """Return a digest of data lists and of name, size and time of change of their files; none is opened.

    A label that is no path, such as a class vector, counts by its value.
    """
    return digest({split: [_described(item) for item in items] for split, items in datalists.items()})


def _described(item: Item) -> Item:
    files = {key: item[key] for key in ("image", "label") if isinstance(item.get(key), str)}
    return item | {key: _file(path) for key, path in files.items()}


def _file(path: str) -> list[Any]:
    stat = os.stat(path) if os.path.isfile(path) else None
    return [os.path.basename(path), stat and stat.st_size, stat and stat.st_mtime_ns]
