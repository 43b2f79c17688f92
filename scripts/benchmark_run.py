"""Parses the arguments of a benchmark of several parts, starts it and closes it."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from benchmark_table import Row, circumstances, closing_table
from rich.console import Console

from htl_monai.data.files import write_json

__all__ = ["Bench", "add_common_arguments", "closed", "settle_common_arguments", "started"]


@dataclass
class Bench:
    """What the measurements share."""

    options: argparse.Namespace
    folder: Path
    console: Console
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return torch.device(self.options.device)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False)


AnyBench = TypeVar("AnyBench", bound=Bench)


@contextmanager
def started(options: argparse.Namespace, kind: type[AnyBench]) -> Iterator[AnyBench]:
    """Yield a bench with a folder that is gone after the block; logs and warnings are silent from here on."""
    load = os.getloadavg()[0]
    console = Console(width=None if os.isatty(1) else 120)
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory(prefix="benchmark_") as folder:
        bench = kind(options, Path(folder), console)
        bench.details |= {"load_average_at_start": load, "overlays": options.overlay}
        yield bench


def closed(bench: Bench, rows: Sequence[Row], title: str) -> None:
    """Print the table and the notes, and write them where that was asked for."""
    bench.console.print(closing_table(rows, title))
    for note in bench.notes:
        bench.say(f"- {note}")
    if bench.options.out:
        details = {**bench.details, "notes": bench.notes, **circumstances(bench.device)}
        write_json(bench.options.out, {"rows": [row.record() for row in rows], **details})
        bench.console.print(f"written: {bench.options.out}")


def add_common_arguments(parser: argparse.ArgumentParser, parts: Sequence[str], cpu_overlay: str) -> None:
    """Add the arguments of every benchmark of several parts; ``cpu_overlay`` is the default setting on a CPU."""
    parser.add_argument("--repeats", type=int, help="rounds that count, after one that warms up (default: 3)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    parser.add_argument("--overlay", action="append", help=f"configs upon the bundle's (default: {cpu_overlay} on cpu)")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts, help="what to measure")
    parser.add_argument("--out", help="JSON file to write")
    parser.add_argument("--quick", action="store_true", help="a smoke run: few small images, numbers mean nothing")


def settle_common_arguments(options: argparse.Namespace, cpu_overlay: str) -> None:
    """Fill in what was not given."""
    options.repeats = options.repeats or (1 if options.quick else 3)
    options.overlay = options.overlay or ([cpu_overlay] if options.device == "cpu" else [])
