"""What a run was pruned by is read from its record, which is data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from htl_monai.report.pictures.of_run import pruner_in

PRUNERS = Path(__file__).resolve().parents[3] / "configs" / "pruners"


@pytest.mark.parametrize("path", sorted(PRUNERS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_pruner_is_the_one_that_the_run_used(path: Path) -> None:
    config = {"seed": 7, **json.loads(path.read_text(encoding="utf-8"))}
    assert pruner_in(config) == ConfigParser(dict(config)).get_parsed_content("pruner")


@pytest.mark.parametrize(
    "pruner",
    [
        None,
        "htl_monai.pruning.GlobalMagnitude",
        {"_target_": "builtins.print"},
        {"_target_": "htl_monai.pruning.pruned"},
        {"_target_": "htl_monai.pruning.Compressor"},
        {"_target_": "htl_monai.pruning.GlobalMagnitude", "amount": "$__import__('os').abort()"},
        {"_target_": "htl_monai.pruning.GlobalMagnitude", "amount": 7.0},
        {"_target_": "htl_monai.pruning.GlobalMagnitude", "unknown": 1},
    ],
)
def test_what_is_no_pruner_of_plain_numbers_is_left_out(pruner: Any) -> None:
    assert pruner_in({"pruner": pruner}) is None
