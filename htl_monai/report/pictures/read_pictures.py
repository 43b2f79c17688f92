"""Reads the pictures of a report back, as a page shows them; what lies in the folder is data of anybody."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from htl_monai.data.files import read_json
from htl_monai.report.pictures.write_pictures import CASES

__all__ = ["read_pictures"]

# A page holds so many thumbnails itself; more lie beside it.
_INLINED = 300
_MOST_BYTES = 20_000_000
_REMEDY = "delete the folder pictures and make the report again"

_COUNT = {"type": "integer", "minimum": 0, "maximum": 10_000_000}
_SIZE = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 4096}, "minItems": 2, "maxItems": 2}
_FILE = {"type": "string", "pattern": r"^(case|sprite)_[0-9_]{1,20}\.webp$"}
_TEXT = {"type": "string", "maxLength": 2000}
_POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_LIST = {"type": "array"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _by_name(value: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


_SLICE = _object(
    picture=_FILE,
    size=_SIZE,
    position=_COUNT,
    outlines=_by_name(_LIST | {"items": _LIST | {"items": _POINT}}),
)
_CLASS = {"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}, "required": ["name"]}
_CASE = _object(slices=_LIST | {"items": _SLICE}, first=_COUNT, classes=_LIST | {"items": _CLASS}, note=_TEXT)
_SCHEMA = _object(
    thumbnails=_object(
        tile=_SIZE,
        per_row=_COUNT | {"minimum": 1},
        per_sprite=_COUNT | {"minimum": 1},
        sprites=_LIST | {"items": _FILE},
        of=_by_name(_COUNT | {"type": ["integer", "null"]}),
    ),
    unreadable=_by_name(_TEXT),
    networks=_LIST | {"items": _object(name=_TEXT, label=_TEXT, role={"enum": ["dense", "pruned", "arm"]})},
    hardest=_by_name(_CASE),
)


def read_pictures(folder: str | os.PathLike[str], inlined: bool = False) -> dict[str, Any]:
    """Return what :func:`~htl_monai.report.pictures.write_pictures.write_pictures` wrote; nothing where it did not.

    Pictures are ``data:`` URLs, and so are sprites of at most 300 cases, or all if they must be ``inlined``; others are
    paths below ``folder``.

    Raises:
        ValueError: a file is damaged, or names what it must not.
        OSError: it cannot be read.
    """
    place = Path(folder) / "pictures"
    if not (place / CASES).is_file():
        return {}
    content: dict[str, Any] = read_json(place / CASES, _REMEDY)
    fault = next(iter(Draft202012Validator(_SCHEMA).iter_errors(content)), None)
    if fault is not None:
        raise ValueError(f"{place / CASES} must be as it was written, got {fault.message:.200}; {_REMEDY}")
    thumbnails = content["thumbnails"]
    inlined = inlined or len(thumbnails["of"]) <= _INLINED
    thumbnails["sprites"] = [_url(place / name) if inlined else f"pictures/{name}" for name in thumbnails["sprites"]]
    for case in content["hardest"].values():
        for one in case["slices"]:
            one["picture"] = _url(place / one["picture"])
    return content


def _url(path: Path) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path} must be a picture of a report, got none, a link or a larger file; {_REMEDY}")
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError(f"{path} must be a WebP picture, got something else; {_REMEDY}")
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
