"""What a stage may go on from, and what it must not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting, setting_names
from htl_monai.runs.stage import Stage
from htl_monai.runs.workflow import _claim

FILE = Stage("training", "training", (), (), (), checkpoint="checkpoint.pt")
FOLDER = Stage("pseudo_labelling", "pseudo_labelling", (), (), (), checkpoint="masks")


def of(setting: str, seeds: Sequence[int] | None = None) -> tuple[Stage, ...]:
    return stages_of(read_setting(setting), seeds=seeds)


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
    names = [stage.name for stage in of("chest_xray", [3, 12])]
    assert [name for name in names if not name.startswith("seed_")] == ["preparing", "selecting", "reporting"]
    assert {name.split("/")[0] for name in names if name.startswith("seed_")} == {"seed_3", "seed_12"}
    assert len(set(names)) == len(names)
    fewer = {stage.name: stage for stage in of("chest_xray", [3])}
    more = {stage.name: stage for stage in of("chest_xray", [3, 12])}
    # What is done for a seed stays done when another seed joins it; what looks at all of them does not.
    assert {name for name in fewer if fewer[name] != more[name]} == {"selecting", "reporting"}


def test_every_input_is_the_output_of_a_stage_before_it() -> None:
    for stages in [of(name, seeds) for name in setting_names() for seeds in (None, [0, 1])]:
        made: set[str] = set()
        for stage in stages:
            assert set(stage.inputs) <= made, stage.name
            made |= {f"{stage.name}/{name}" for name in stage.outputs}


@pytest.mark.parametrize("name", setting_names())
@pytest.mark.parametrize("seeds", [[], [1, 1], [-1, 0]])
def test_seeds_that_are_none_are_refused(name: str, seeds: list[int]) -> None:
    with pytest.raises(ValueError, match=r"seeds must be different numbers from 0, got .*; 0:5 stands for"):
        of(name, seeds)


@pytest.mark.parametrize("name", ["supervised", "semi_supervised", "weakly_supervised"])
def test_each_seed_of_a_run_on_lesions_has_the_stages_of_a_run_of_one(name: str) -> None:
    single, several = of(name), of(name, [3, 12])
    assert several[0] == single[0]  # the data is prepared once
    for seed in (3, 12):
        mine = [stage for stage in several if stage.root == f"seed_{seed}"]
        assert len(mine) == len(single) - 2
        for stage, model in zip(mine, single[1:-1], strict=True):
            assert stage.name == f"seed_{seed}/{model.name}" and stage.settings == {**model.settings, "seed": seed}
            assert (stage.run_id, stage.configs, stage.outputs) == (model.run_id, model.configs, model.outputs)
    assert [stage.name for stage in several if not stage.root] == ["preparing", "reporting"]


def test_every_seed_reads_its_own_files(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text('{"training": [], "validation": [], "test": [], "unlabelled": []}')
    plan = plan_setting("supervised", data, tmp_path / "run", seeds=[3, 12], seed=7)
    entries = {planned.stage.name: planned.entries for planned in plan.stages}
    assert entries["seed_12/mining"]["output_dir"] == str(tmp_path / "run" / "seed_12")
    assert entries["seed_12/mining"]["seed"] == 12 and entries["preparing"]["seed"] == 7
    assert entries["reporting"]["output_dir"] == str(tmp_path / "run")
    for planned in plan.stages[1:]:
        assert planned.entries["dataset_dir"] == str(tmp_path / "run" / "preparing" / "data.json")
