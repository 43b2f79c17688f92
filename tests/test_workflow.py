"""What a stage may go on from, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.settings import SETTINGS, Stage
from htl_monai.settings.chest_xray import chest_xray_stages
from htl_monai.workflow import _claim, run_setting

FILE = Stage("training", "training", (), (), (), checkpoint="checkpoint.pt")
FOLDER = Stage("pseudo_labelling", "pseudo_labelling", (), (), (), checkpoint="masks")


@pytest.mark.parametrize("stage", [FILE, FOLDER])
def test_only_what_was_made_from_the_same_is_gone_on_from(stage: Stage, tmp_path: Path) -> None:
    checkpoint = tmp_path / stage.checkpoint
    made = checkpoint / "a.png" if stage is FOLDER else checkpoint
    assert _claim(tmp_path, stage, "one") == "running"
    made.parent.mkdir(exist_ok=True)
    made.write_bytes(b"made")
    assert _claim(tmp_path, stage, "one") == "going on from its last checkpoint"
    assert made.read_bytes() == b"made"
    assert _claim(tmp_path, stage, "two") == "running"
    assert not checkpoint.exists()


def test_seeds_share_what_is_done_once_and_have_folders_of_their_own() -> None:
    names = [stage.name for stage in chest_xray_stages([3, 12])]
    assert [name for name in names if not name.startswith("seed_")] == ["preparing", "selecting", "reporting"]
    assert {name.split("/")[0] for name in names if name.startswith("seed_")} == {"seed_3", "seed_12"}
    assert len(set(names)) == len(names)
    fewer = {stage.name: stage for stage in chest_xray_stages([3])}
    more = {stage.name: stage for stage in chest_xray_stages([3, 12])}
    # What is done for a seed stays done when another seed joins it; what looks at all of them does not.
    assert {name for name in fewer if fewer[name] != more[name]} == {"selecting", "reporting"}


def test_every_input_is_the_output_of_a_stage_before_it() -> None:
    for setting in SETTINGS.values():
        made: set[str] = set()
        for stage in setting.stages:
            assert set(stage.inputs) <= made, stage.name
            made |= {f"{stage.name}/{name}" for name in stage.outputs}


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1, 0]])
def test_seeds_that_are_none_are_refused(seeds: list[int]) -> None:
    with pytest.raises(ValueError, match=r"seeds must be different numbers from 0, got .*; 0:5 stands for"):
        chest_xray_stages(seeds)


def test_seeds_of_a_setting_that_has_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seeds must be given for chest_xray only, got them for supervised"):
        run_setting("supervised", tmp_path, tmp_path / "out", seeds=[0, 1])
