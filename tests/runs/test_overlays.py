"""Laying overlays and single entries upon the configs of a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from htl_monai.models.bundles import find_bundle
from htl_monai.runs.overlays import (
    applicable,
    check_all_apply,
    collect_changes,
    entry_values,
    merged_config,
    refuse_fixed,
)
from htl_monai.runs.stage import Stage

TRAINING = Stage("training", "training", ("train.json",), (), (), settings={"seed": 4})


@pytest.fixture
def overlays(tmp_path: Path) -> list[str]:
    """Two overlays that disagree on the number of epochs."""
    contents: list[dict[str, Any]] = [{"max_epochs": 3, "batch_size": 8}, {"max_epochs": 5, "seed": 1}]
    paths = [tmp_path / f"{number}.json" for number in range(2)]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(json.dumps(content), encoding="utf-8")
    return [str(path) for path in paths]


def test_later_words_win_settings_last(overlays: list[str]) -> None:
    assert collect_changes(overlays, None, {}) == {"max_epochs": 5, "batch_size": 8, "seed": 1}
    assert collect_changes(overlays[::-1], None, {})["max_epochs"] == 3
    assert collect_changes(overlays, 2, {"batch_size": 4}) == {"max_epochs": 5, "batch_size": 4, "seed": 2}


def test_a_device_may_be_named_or_be_an_expression() -> None:
    assert collect_changes([], None, {"device": "cpu"})["device"] == "$torch.device('cpu')"
    assert collect_changes([], None, {"device": "$torch.device('cuda')"})["device"] == "$torch.device('cuda')"


def test_two_words_for_one_thing_are_refused() -> None:
    assert collect_changes([], 3, {"seed": 3}) == {"seed": 3}
    with pytest.raises(ValueError, match="seed must be given once, got 3 and 4 in set; leave one of them out"):
        collect_changes([], 3, {"seed": 4})
    with pytest.raises(ValueError, match="network_size must be left out where features are set"):
        collect_changes([], None, {"network_size": "tiny", "features": [8] * 6})


def test_what_a_stage_fixes_goes_before_what_a_user_sets() -> None:
    bundle = find_bundle("lesion_localization")
    merged = merged_config(bundle, TRAINING, {"seed": 7, "max_epochs": 2, "sparsity": 0.5})
    assert (merged["seed"], merged["max_epochs"]) == (4, 2)
    assert "sparsity" not in merged  # the selection's


def test_entries_apply_where_a_config_has_them_and_inside_what_it_has() -> None:
    config = {"rate": 1, "train": {"dataset": {}, "handlers": [{"name": "a"}]}}
    fitting = {"rate": 2, "train#dataset#cache_rate": 0.5, "train#handlers#0#name": "b", "train::dataset::workers": 1}
    strange = {"rates": 2, "validate#dataset#cache_rate": 0.5, "train#handlers#1#name": "b"}
    assert applicable({**fitting, **strange}, config) == fitting


def test_an_entry_of_no_stage_is_refused_with_its_like() -> None:
    merged = {"training": {"max_epochs": 1}, "selecting": {"sparsity": 0.7}}
    check_all_apply({"sparsity": 0.5}, merged)
    with pytest.raises(KeyError, match="max_epoch must be an entry of the configs.*did you mean max_epochs"):
        check_all_apply({"max_epoch": 1}, merged)
    with pytest.raises(KeyError, match="the configs have max_epochs, sparsity"):
        check_all_apply({"zzz": 1}, merged)


def test_what_the_command_sets_is_not_the_users() -> None:
    refuse_fixed({"rate": 1}, {"output_dir": "use --out"})
    with pytest.raises(ValueError, match="output_dir must not be set, got 'x', because the command sets it; use --out"):
        refuse_fixed({"output_dir": "x"}, {"output_dir": "use --out"})


def test_values_of_entries_leave_the_config_as_it_is() -> None:
    config = {"size": 2, "sizes": "$[@size, @size + 1]"}
    assert entry_values(config, ["sizes", "missing"]) == {"sizes": [2, 3]}
    assert config["sizes"] == "$[@size, @size + 1]"
