"""The closing table of a benchmark, and what has to be known to judge its numbers."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

__all__ = ["Row", "circumstances", "closing_table", "rounded"]

PACKAGES = ("htl-monai", "monai", "torch", "pytorch-ignite", "numpy", "pillow")


@dataclass
class Row:
    """One line of the closing table. Of several values, one per repetition, the median counts."""

    quantity: str
    values: Sequence[float]
    reach: float | None = None
    at_most: bool = False

    @property
    def value(self) -> float:
        return float(np.median(self.values))

    @property
    def verdict(self) -> str:
        if self.reach is None:
            return ""
        return "met" if (self.value <= self.reach if self.at_most else self.value >= self.reach) else "not met"

    def cells(self) -> list[str]:
        spread = f"{min(self.values):.4g} to {max(self.values):.4g}" if len(self.values) > 1 else ""
        reach = "" if self.reach is None else f"{'≤' if self.at_most else '≥'} {self.reach:g}"
        return [self.quantity, f"{self.value:.4g}", spread, reach, self.verdict]

    def record(self) -> dict[str, Any]:
        values = [rounded(value) for value in self.values]
        reach = None if self.reach is None else {"at_most" if self.at_most else "at_least": self.reach}
        return {"quantity": self.quantity, "median": rounded(self.value), "values": values, "reach": reach} | (
            {"verdict": self.verdict} if self.verdict else {}
        )


def closing_table(rows: Sequence[Row], title: str) -> Table:
    """Return the rows as a table to print."""
    table = Table("quantity", "median", "min to max", "reach", "", title=title)
    for row in rows:
        table.add_row(*row.cells())
    return table


def rounded(value: float) -> float | None:
    """Return five digits, or None for what is no number and therefore no JSON."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def circumstances(device: torch.device) -> dict[str, Any]:
    """Return the machine, the versions and the revision that were measured."""
    revision = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--dirty=+changes"],
        capture_output=True,
        text=True,
    )
    cpu = Path("/proc/cpuinfo")
    models = [line for line in cpu.read_text().splitlines() if line.startswith("model name")] if cpu.is_file() else []
    return {
        "machine": {
            "cpu": models[0].split(":")[1].strip() if models else platform.processor(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        },
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        "git_revision": revision.stdout.strip() or None,
    }
