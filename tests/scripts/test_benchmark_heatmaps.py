"""A smoke run of scripts/benchmark_heatmaps.py."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_each_layer_and_precision_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    out = tmp_path / "benchmark.json"
    importlib.import_module("benchmark_heatmaps").main(["--quick", "--device", "cpu", "--out", str(out)])
    rows = {row["quantity"]: row for row in json.loads(out.read_text())["rows"]}
    ratios = {name: row for name, row in rows.items() if "reach" in row and row["reach"]}
    assert len(rows) == 10 and len(ratios) == 4
    assert all(row["reach"] == {"at_most": 1.3} and row["median"] > 0 for row in ratios.values())
    assert "heat maps at upcat_1.convs.conv_1" in capsys.readouterr().out
