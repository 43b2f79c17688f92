"""Damages files as accidents and adversaries do: bytes, cells of tables, values of JSON."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

__all__ = ["NASTY_TEXT", "mutated_bytes", "mutated_cells", "mutated_json", "resized_png", "with_code"]

NASTY_TEXT = (
    "",
    " ",
    "=1+1",
    "@SUM(A1)",
    "nan",
    "-inf",
    "1e999",
    "9" * 400,
    "0x10",
    "\x00",
    "a\nb",
    "\r",
    '"',
    '""x',
    ",",
    ";",
    "\t",
    "../../etc/passwd",
    "/dev/zero",
    "~",
    "x" * 300,
    "\u202ereversed",
    "é",
    "\ud7ff",
    "None",
    "True",
    "%s%n{0}",
    "$1+1",
)
_NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e308, -0.0, True, None)


def with_code(marker: str) -> list[Any]:
    """Return values that make the file ``marker`` where a config parser, a pickle or a shell runs them."""
    code = f"__import__('pathlib').Path({marker!r}).touch()"
    return [
        f"${code}",
        {"_target_": "os.system", "command": f"touch {marker}"},
        {"_target_": "pathlib.Path.touch", "self": {"_target_": "pathlib.Path", "_args_": [marker]}},
        f"%{marker}",
        "@device",
        f"$(touch {marker})",
        f"`touch {marker}`",
    ]


def mutated_bytes(rng: random.Random, content: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Return ``content`` with one to four kinds of damage: flipped bits, cuts, copies, zeros, huge numbers, splices."""
    kinds: list[Callable[[random.Random, bytearray], None]] = [_flip, _flip, _cut, _drop, _repeat, _fill, _number]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if others and rng.random() < 0.1:
            other = rng.choice(others)
            changed[rng.randrange(len(changed) + 1) :] = other[rng.randrange(len(other) + 1) :]
        else:
            rng.choice(kinds)(rng, changed)
    return bytes(changed)


def _flip(rng: random.Random, content: bytearray) -> None:
    early = rng.random() < 0.5  # headers are where it matters
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if content:
            content[rng.randrange(min(len(content), 200) if early else len(content))] ^= 1 << rng.randrange(8)


def _cut(rng: random.Random, content: bytearray) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _drop(rng: random.Random, content: bytearray) -> None:
    start = rng.randrange(len(content) + 1)
    del content[start : start + rng.choice((1, 2, 7, 100))]


def _repeat(rng: random.Random, content: bytearray) -> None:
    start = rng.randrange(len(content) + 1)
    content[start:start] = content[start : start + rng.choice((1, 4, 50, 500))] * rng.choice((1, 2, 20))


def _fill(rng: random.Random, content: bytearray) -> None:
    start, length = rng.randrange(len(content) + 1), rng.choice((1, 4, 32, 300))
    value = rng.choice((b"\x00", b"\xff", rng.randbytes(1)))
    content[start : start + length] = value * len(content[start : start + length])


def _number(rng: random.Random, content: bytearray) -> None:
    start = rng.randrange(len(content) + 1)
    kind = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    number = struct.pack(kind, rng.choice((0, 1, 255, 2 ** (8 * struct.calcsize(kind)) - 1, rng.randrange(2**16))))
    content[start : start + len(number)] = number


def resized_png(rng: random.Random, content: bytes) -> bytes:
    """Return a PNG whose header promises another size or kind, with a checksum that fits, and pixels that do not."""
    sizes = (0, 1, 3, 9400, 60_000, 2**31 - 1, 2**32 - 1)
    header = struct.pack(">II", rng.choice(sizes), rng.choice(sizes)) + bytes(
        (rng.choice((1, 2, 4, 8, 16, 7)), rng.choice((0, 2, 3, 4, 6, 5)), 0, 0, rng.choice((0, 1)))
    )
    return content[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + content[33:]


def mutated_cells(rng: random.Random, text: str) -> str:
    """Return a table with some cells replaced, rows or columns repeated or lost, or another separator."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.choice((1, 1, 2, 5))):
        row = rng.choice(rows)
        kind = rng.randrange(6)
        if kind <= 2 and row:
            row[rng.randrange(len(row))] = rng.choice(NASTY_TEXT)
        elif kind == 3:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        elif kind == 4 and row:
            row.pop(rng.randrange(len(row)))
        else:
            row.append(rng.choice(NASTY_TEXT))
    return rng.choice(("\n", "\n", "\r\n", "\r")).join(rng.choice((",", ",", ",", ";", "\t")).join(row) for row in rows)


def mutated_json(rng: random.Random, value: Any, code: Sequence[Any]) -> str:
    """Return JSON with some values replaced by others, by code, by deep nests, or with keys lost, added or repeated."""
    changed = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 2, 4))):
        changed = _replaced(rng, changed, code)
    text = json.dumps(changed)
    if rng.random() < 0.05:
        text = text.replace("null", rng.choice(("NaN", "Infinity", "-Infinity", "undefined")), 1)
    return "[" * 5000 + text if rng.random() < 0.02 else text


def _replaced(rng: random.Random, value: Any, code: Sequence[Any]) -> Any:
    """Walk down a random way, and change what is at its end."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        kind = rng.random()
        if kind < 0.1:
            del value[key]
        elif kind < 0.2:
            value[rng.choice((*NASTY_TEXT, *value))] = value[key]
        else:
            value[key] = _replaced(rng, value[key], code)
        return value
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        value[place] = _replaced(rng, value[place], code)
        return value
    nest: Any = 0
    for _ in range(200):
        nest = [nest]
    others = (rng.choice(NASTY_TEXT), rng.choice(_NUMBERS), rng.choice(code), [], {}, [value], [[1], {}], nest)
    return deepcopy(rng.choice(others))
