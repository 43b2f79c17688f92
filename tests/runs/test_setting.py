"""A setting is one file: read by its schema, and enough for a whole graph of stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.models.bundles import find_config
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting, setting_names

OWN = {
    "meaning": "masks, and a look at the test images too",
    "bundle": "lesion_localization",
    "labels": "masks",
    "arms": ["dense", "htl"],
    "mined": {"mining": {"split": "training"}, "mining_test": {"split": "test"}},
    "choose": {"from": ["mining"]},
    "report": {"on": ["mining"], "tables": ["scores.csv"], "reference": ["dense"]},
}


def written(folder: Path, **changes: Any) -> str:
    (folder / "mine.json").write_text(json.dumps({**OWN, **changes}), encoding="utf-8")
    return str(folder / "mine.json")


def test_a_new_setting_is_one_file(tiny_phantom: Path, tmp_path: Path) -> None:
    plan = plan_setting(written(tmp_path), tiny_phantom, tmp_path / "run", seeds=[4])
    names = [planned.stage.name for planned in plan.stages]
    chain = ["training", "mining", "mining_test", "selecting", "finetuning_htl", "evaluating_dense", "evaluating_htl"]
    assert names == ["preparing", *(f"seed_4/{name}" for name in chain), "reporting"]
    entries = {planned.stage.name: planned.entries for planned in plan.stages}
    assert entries["seed_4/mining_test"]["split"] == "test"
    assert entries["seed_4/finetuning_htl"]["dense_path"] == str(tmp_path / "run" / "seed_4" / "training" / "dense.pt")
    assert entries["reporting"]["arms"] == ["dense", "htl"] and entries["reporting"]["seeds"] == [4]


def test_each_that_comes_with_the_package_says_what_it_is_for() -> None:
    assert set(setting_names()) >= {"supervised", "semi_supervised", "weakly_supervised", "chest_xray"}
    assert all(len(read_setting(name).meaning.split()) > 3 for name in setting_names())
    assert find_config("settings", "supervised").parent.name == "settings"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": "boxes"}, "labels must fit in .*mine.json, got: 'boxes' is not one of"),
        ({"seeds": [1, 1]}, "seeds must fit"),
        ({"epochs": 3}, "setting must fit in .*'epochs' was unexpected"),
        ({"mined": {"training": {"split": "test"}}}, "mined must fit"),
        ({"mined": {"mining": {"split": "all"}}}, "mined/mining/split must fit"),
        (
            {"choose": {"from": ["mining_x"]}},
            "choose/from in .* must be among mined, mining, mining_test, got mining_x",
        ),
    ],
)
def test_a_file_that_is_no_setting_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        read_setting(written(tmp_path, **changes))


def test_a_path_must_look_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"setting must be one of chest_xray, .*; write ./mine.json to use"):
        read_setting("mine.json")


def test_arms_that_are_none_are_refused(tiny_phantom: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError,
        match="arm must be one of aum, curriculum, dense, .* or the path of a .json file, got 'hlt'; did you mean htl",
    ):
        plan_setting("supervised", tiny_phantom, tmp_path / "run", arms=["hlt"])
