"""What ``python -m monai.bundle run`` would ignore is refused by the bundles themselves."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS

from htl_monai.models.bundles import bundle_config
from htl_monai.runs.graph import stages_of
from htl_monai.runs.setting import read_setting, setting_names
from htl_monai.settings.bundle_run import without_effect

BUNDLES = Path(__file__).resolve().parents[2] / "bundle"
NAMES = ("chest_xray_long_tail", "lesion_localization", "lesion_weak_localization")


def initialize(bundle: Path, *configs: str, **override: Any) -> None:
    """Do what ``python -m monai.bundle run`` does before it runs anything."""
    ConfigWorkflow(
        [str(bundle_config(bundle, name)) for name in configs],
        meta_file=str(bundle / "configs" / "metadata.json"),
        logging_file=False,
        **override,
    ).initialize()


def refusal(*arguments: Any, **override: Any) -> str:
    with pytest.raises(RuntimeError, match="check_bundle_run") as caught:
        initialize(*arguments, **override)
    causes: list[BaseException] = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    return str(causes[-1])


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_that_does_nothing_is_refused(name: str) -> None:
    words = "max_epoch must be an entry of the bundle's configs, .*; did you mean max_epochs"
    assert re.match(words, refusal(BUNDLES / name, "train.json", max_epoch=3))
    for stage in ("stages/mine.json", "stages/attend.json", "stages/evaluate.json", "stages/report.json"):
        assert refusal(BUNDLES / name, "train.json", stage, max_epoch=3).startswith("max_epoch must")


@pytest.mark.parametrize("name", NAMES)
def test_wrong_settings_are_refused_beside_it(name: str) -> None:
    said = refusal(BUNDLES / name, "train.json", nonsense=1, max_epochs="one", batch_size=0)
    assert [line.split(" must ")[0] for line in said.splitlines()] == ["nonsense", "max_epochs", "batch_size"]


STAGES = {
    (setting.bundle, stage.configs) for setting in map(read_setting, setting_names()) for stage in stages_of(setting)
}


@pytest.mark.parametrize(("name", "configs"), sorted(STAGES))
def test_each_stage_as_it_is_passes(name: str, configs: tuple[str, ...]) -> None:
    initialize(BUNDLES / name, *configs)


def test_several_gpus_check_first_too() -> None:
    path = BUNDLES.parent / "configs" / "stages" / "multi_gpu.json"
    assert json.loads(path.read_text(encoding="utf-8"))["initialize"][0] == "$@check"


@pytest.mark.parametrize("name", ["lesion_localization", "lesion_weak_localization"])
def test_what_monai_label_sets_passes(name: str) -> None:
    handlers = ConfigParser.load_config_file(str(BUNDLES / name / "configs" / "train.json"))["train"]["handlers"]
    loader = {"_target_": "CheckpointLoader", "load_path": "model.pt", "load_dict": {"model": "$@network"}}
    entries = {
        "bundle_root": str(BUNDLES / name),
        "train#trainer#max_epochs": 2,
        "train#dataset#data": [{"image": "a.jpg", "label": "a.png"}],
        "validate#dataset#data": [{"image": "b.jpg", "label": "b.png"}],
        "device": torch.device("cpu"),
        "train#handlers": [loader, *handlers],
    }
    initialize(BUNDLES / name, "train.json", **entries)


def test_entries_of_a_users_own_pass_where_something_refers_to_them(tmp_path: Path) -> None:
    own = {"my_rate": 0.01, "learning_rate": "@my_rate", "my_run": ["$print('run')"]}
    (tmp_path / "own.json").write_text(json.dumps(own), encoding="utf-8")
    bundle = BUNDLES / "lesion_localization"
    initialize(bundle, "train.json", str(tmp_path / "own.json"), run_id="my_run")
    assert refusal(bundle, "train.json", str(tmp_path / "own.json")).startswith("my_run must be an entry")


def test_tracking_passes() -> None:
    names = DEFAULT_EXP_MGMT_SETTINGS["mlflow"]["configs"]
    initialize(BUNDLES / "lesion_localization", "train.json", **{name: None for name in names if name != "output_dir"})


def test_on_the_command_line_the_sentence_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/monai/bundle/__main__.py", "run"])
    with pytest.raises(SystemExit, match="^max_epoch must be an entry of the bundle's configs"):
        initialize(BUNDLES / "lesion_localization", "train.json", max_epoch=3)


def test_a_parser_alone_is_not_checked() -> None:
    config = ConfigParser.load_config_file(str(BUNDLES / "lesion_localization" / "configs" / "train.json"))
    assert ConfigParser({**config, "max_epoch": 3}).get_parsed_content("initialize") == [None, None]


def test_an_entry_is_used_by_macros_and_nested_references_and_not_by_itself() -> None:
    config = {"a": {"b": ["%one#x", "$f(@two::y)"]}, "one": {"x": 1}, "two": {"y": 2}, "self": "@self", "unused": 0}
    assert without_effect(config, ["a"]) == ["self", "unused"]
