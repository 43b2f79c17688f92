"""What a user sets is what a run is made of, or it is refused; nothing is written while a run is planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.runs.plan import plan_setting

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("supervised", {"output_dir": "x"}, "output_dir must not be set, got 'x', .*; name the folder by out"),
    ("supervised", {"dataset_dir": "x"}, "dataset_dir must not be set, got 'x', .*; name the data set by data"),
    ("supervised", {"progress": True}, "progress must not be set, got True, .*; leave it out"),
    ("supervised", {"arm": "dense"}, "arm must not be set, got 'dense', because the command sets it; leave it out"),
    ("semi_supervised", {"use_unlabelled": False}, "use_unlabelled must not be set, got False"),
    ("chest_xray", {"seeds": [1]}, r"seeds must not be set, got \[1\], .*; give the option seeds"),
    ("supervised", {"network_size": "tiny", "features": [8, 8, 8, 8, 8, 8]}, "network_size must be left out where fea"),
]


@pytest.mark.parametrize(("setting", "settings", "words"), REFUSED)
def test_what_a_run_sets_itself_is_refused(
    tiny_phantom: Path, tmp_path: Path, setting: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        plan_setting(setting, tiny_phantom, tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_a_seed_is_given_once(tiny_phantom: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed must be given once, got 3 and 4 in set; leave one of them out"):
        plan_setting("supervised", tiny_phantom, tmp_path, seed=3, settings={"seed": 4})
    for words in ({"seed": 3}, {"settings": {"seed": 3}}, {"seed": 3, "settings": {"seed": 3}}):
        assert {
            planned.config["seed"] for planned in plan_setting("supervised", tiny_phantom, tmp_path, **words).stages
        } == {3}


def test_all_wrong_settings_are_named_before_the_data_is_read(tmp_path: Path) -> None:
    settings = {"rule": "best", "sparsity": 0.65, "network_size": "tinny", "max_epochs": "one"}
    with pytest.raises(
        ValueError, match="network_size must.*\n.*max_epochs must.*\n.*rule must.*\nsparsity must be one"
    ):
        plan_setting("supervised", tmp_path / "nowhere", tmp_path / "run", settings=settings)


def test_a_users_word_goes_before_an_overlays_and_a_bundles(tiny_phantom: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "own.json"
    overlay.write_text(json.dumps({"max_epochs": 7, "batch_size": 5}), encoding="utf-8")
    plan = plan_setting("supervised", tiny_phantom, tmp_path / "run", [str(overlay)], settings={"max_epochs": 9})
    for planned in plan.stages:
        assert (planned.config["max_epochs"], planned.config["batch_size"]) == (9, 5)
        assert (planned.entries["max_epochs"], planned.entries["batch_size"]) == (9, 5)
    assert not (tmp_path / "run").exists()


def test_checks_play_no_part_in_what_a_stage_is_made_from(tiny_phantom: Path, tmp_path: Path) -> None:
    (first, *_) = plan_setting("supervised", tiny_phantom, tmp_path / "run").stages
    code = first.origin().code
    assert "check" not in first.config and code
    assert not [name for name in code if name.startswith("htl_monai.settings")]
