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
from htl_monai.runs.setting import read_setting


@pytest.mark.parametrize("setting", htl_monai.runs.demo._DEMOS)
def test_each_setting_gets_the_images_and_entries_that_it_can_use(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    few = {
        # Each rare finding of the X-rays must be drawn in each split.
        name: replace(demo, counts=dict.fromkeys(demo.counts, 40 if name == "chest_xray" else 2))
        for name, demo in htl_monai.runs.demo._DEMOS.items()
    }
    monkeypatch.setattr(htl_monai.runs.demo, "_DEMOS", few)
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
    changes, chosen = collect_changes(overlays, seed, {}), read_setting(setting)
    bundle = find_bundle(chosen.bundle)
    check_all_apply(changes, {stage.name: merged_config(bundle, stage, changes) for stage in stages_of(chosen)})


def test_a_setting_that_does_not_exist_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    words = "setting must be one of supervised, semi_supervised, weakly_supervised, chest_xray, got 'weekly'; choose"
    with pytest.raises(KeyError, match=words):
        run_demo(tmp_path / "demo", "weekly")
    assert not (tmp_path / "demo").exists()
