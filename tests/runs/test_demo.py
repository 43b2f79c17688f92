"""The demo of each setting, as far as it goes without a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import htl_monai.runs.demo
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.models.bundles import find_bundle
from htl_monai.runs.demo import run_demo
from htl_monai.runs.graph import stages_of
from htl_monai.runs.overlays import check_all_apply, collect_changes, merged_config
from htl_monai.runs.setting import read_setting, setting_names


@pytest.mark.parametrize("setting", setting_names())
def test_each_setting_gets_the_images_and_entries_that_it_can_use(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, whole = [], read_setting(setting)
    # Each rare finding of the X-rays must be drawn in each split.
    few = dict.fromkeys(whole.demo["images"], 40 if setting == "chest_xray" else 2)
    small = replace(whole, demo={**whole.demo, "images": few})
    monkeypatch.setattr(htl_monai.runs.demo, "read_setting", lambda name: small)
    monkeypatch.setattr(
        htl_monai.runs.demo, "plan_setting", lambda *args, seeds, **kwargs: calls.append((*args, seeds))
    )
    monkeypatch.setattr(htl_monai.runs.demo, "run_plan", lambda plan, say: tmp_path)
    run_demo(tmp_path, setting, seed=3, progress=False, say=str)
    ((name, data, out, overlays, seed, seeds),) = calls
    assert (name, out, seed) == (setting, tmp_path, 3)
    assert len(seeds) >= 3 and seeds[0] == 3  # one pair of networks would be no verdict
    lists = load_datalists(data)
    assert bool(lists["unlabelled"]) == (setting in ("semi_supervised", "weakly_supervised")) and lists["test"]
    assert bool(lists["training"]) == (setting != "weakly_supervised")
    changes, bundle = collect_changes(overlays, seed, {}), find_bundle(whole.bundle)
    check_all_apply(changes, {stage.name: merged_config(bundle, stage, changes) for stage in stages_of(whole)})


def test_a_setting_that_has_no_demo_is_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "setting must be one of chest_xray, semi_supervised, supervised, weakly_supervised .*, got 'weekly'"
    with pytest.raises(FileNotFoundError, match=words):
        run_demo(tmp_path / "demo", "weekly")
    bare = replace(read_setting("supervised"), demo={})
    monkeypatch.setattr(htl_monai.runs.demo, "read_setting", lambda name: bare)
    with pytest.raises(ValueError, match="setting must have a demo, got ./mine.json without; name another, or add"):
        run_demo(tmp_path / "demo", "./mine.json")
    assert not (tmp_path / "demo").exists()
