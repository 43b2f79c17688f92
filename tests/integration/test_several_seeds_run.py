"""A run of several seeds: each is what a run of that seed alone is, and the report looks at all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan

SINGLE = [stage.name for stage in stages_of(read_setting("supervised"))[1:-1]]
AGAIN = ("training", "mining", "selecting", "finetuning_random", "evaluating_dense")


@pytest.fixture(scope="module")
def several(
    tiny_phantom: Path, finished_run: Path, tiny_settings: dict, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str]]:
    """A run of the seeds 10 and 11, and what was said; of seed 10 there is what the run of one seed left."""
    out = tmp_path_factory.mktemp("several") / "run"
    shutil.copytree(finished_run / "preparing", out / "preparing")
    for name in SINGLE:
        if name not in AGAIN:
            shutil.copytree(finished_run / name, out / "seed_10" / name)
    said: list[str] = []
    run_plan(
        plan_setting("supervised", tiny_phantom, out, settings=tiny_settings, progress=False, seeds=[10, 11]),
        said.append,
    )
    return out, dict(text.split(": ", 1) for text in said)


def test_a_seed_gives_what_a_run_of_it_alone_gives(several: tuple[Path, dict[str, str]], finished_run: Path) -> None:
    run, said = several
    for stage in stages_of(read_setting("supervised"))[1:-1]:
        for name in stage.outputs:
            alone, one_of_two = finished_run / stage.name / name, run / "seed_10" / stage.name / name
            if name.endswith(".pt"):
                state_a, state_b = (torch.load(path, weights_only=True) for path in (alone, one_of_two))
                assert all(torch.equal(state_a[key], state_b[key]) for key in state_a), one_of_two
            else:
                assert alone.read_bytes() == one_of_two.read_bytes(), one_of_two
    assert all(said[f"seed_10/{name}"].startswith("running") for name in AGAIN)


def test_another_seed_gives_other_networks_and_other_random_images(several: tuple[Path, dict[str, str]]) -> None:
    run, _ = several
    for name in ("training/epochs.csv", "selecting/random.json"):
        assert (run / "seed_10" / name).read_bytes() != (run / "seed_11" / name).read_bytes()


def test_the_report_is_of_both(several: tuple[Path, dict[str, str]]) -> None:
    run, said = several
    assert said["reporting"] == "running"
    comparison = pd.read_csv(run / "reporting" / "comparison.csv")
    assert (comparison["n_seeds"] == 2).all() and (comparison["n_images"] == 4).all()
    assert pd.read_csv(run / "reporting" / "scores_of_seeds.csv")["seed"].unique().tolist() == [10, 11]


def test_a_seed_that_joins_changes_nothing_of_the_others(
    several: tuple[Path, dict[str, str]], tiny_phantom: Path, tiny_settings: dict, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(several[0], tmp_path / "run"))
    said: list[str] = []
    run_plan(
        plan_setting("supervised", tiny_phantom, run, settings=tiny_settings, progress=False, seeds=[11]), said.append
    )
    assert [text for text in said if not text.endswith("done already")] == [
        text for text in said if text.startswith("reporting: running")
    ]
    assert "n_seeds" not in pd.read_csv(run / "reporting" / "comparison.csv"), (
        "of one seed it is judged over images alone"
    )
