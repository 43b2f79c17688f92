"""The whole setting of long-tailed chest X-rays on a tiny phantom: two seeds, every compression, every arm."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.attention.selection import read_selection
from htl_monai.cli import main
from htl_monai.phantoms.xray_phantom import write_xray_phantom
from htl_monai.report.content.read_content import read_content
from htl_monai.runs.graph import stages_of
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan
from htl_monai.scores import read_scores

SEEDS = [0, 3]
ARMS = ("left_alone", "upweighted", "removed", "removed_random")
STAGES = stages_of(read_setting("chest_xray"), seeds=SEEDS)
SMALL = {
    "network_def#block_inplanes": [8, 8, 8, 16],
    "spatial_size": [32, 32],
    "device": "cpu",
    "precision": "fp32",
    "max_epochs": 2,
    "batch_size": 16,
    "finetune_epochs": 1,
    "num_workers": 0,
    "pie_share": 0.1,
    "sparsities": [0.5, 0.75, 0.9],
}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"training": 64, "validation": 40, "test": 60}
    return write_xray_phantom(tmp_path_factory.mktemp("phantom"), counts, size=(32, 32), seed=1)


@pytest.fixture(scope="module")
def finished(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only, see ``copied``."""
    out = tmp_path_factory.mktemp("finished") / "run"
    run(phantom, out, SEEDS)
    return out


def run(data: Path, out: Path, seeds: Sequence[int], **settings: object) -> dict[str, str]:
    """Run, and return what was said of each stage."""
    said: list[str] = []
    changes = {**SMALL, **settings}
    overlays = ["sizes/demo_chest.json"]
    run_plan(plan_setting("chest_xray", data, out, overlays, None, changes, progress=False, seeds=seeds), said.append)
    return dict(text.split(": ", 1) for text in said)


def again(said: dict[str, str]) -> set[str]:
    return {stage for stage, words in said.items() if words != "done already"}


def test_every_stage_writes_its_outputs(finished: Path) -> None:
    for stage in STAGES:
        record = json.loads((finished / stage.name / "provenance.json").read_text(encoding="utf-8"))
        assert set(record["outputs"]) == set(stage.outputs) and set(record["inputs"]) == set(stage.inputs)
        assert not list((finished / stage.name).rglob(".*"))
        if stage.name.startswith("seed_"):
            assert record["seed"] == stage.settings["seed"]


def test_seeds_are_trained_apart_and_swept_on_the_same_images(finished: Path) -> None:
    tests = [item["id"] for item in json.loads((finished / "preparing" / "data.json").read_text())["test"]]
    found = [read_scores(finished / f"seed_{seed}" / "mining" / "scores.nc")["probability"] for seed in SEEDS]
    assert all(scores["sample"].values.tolist() == tests for scores in found)
    assert all(scores["level"].values.tolist() == [0, 0.5, 0.75, 0.9] for scores in found)
    assert not np.array_equal(found[0], found[1])
    for name in ("random", "structured", "quantized", "low_rank"):
        other = read_scores(finished / "seed_0" / f"mining_{name}" / "scores.nc")["probability"]
        np.testing.assert_array_equal(other.sel(level=0), found[0].sel(level=0))  # the same dense network
        assert not np.array_equal(other.sel(level=0.75), found[0].sel(level=0.75))


def test_the_arms_differ_by_the_forgotten_training_images_alone(finished: Path) -> None:
    assert not (finished / "selecting" / "left_alone.json").exists()
    chosen = {arm: read_selection(finished / "selecting" / f"{arm}.json").data for arm in ARMS[1:]}
    ids = {arm: [item["id"] for item in items] for arm, items in chosen.items()}
    assert ids["upweighted"] == ids["removed"] and len(ids["removed"]) == len(ids["removed_random"]) == 6
    assert not set(ids["removed_random"]) & set(ids["removed"])
    ranking = pd.read_csv(finished / "selecting" / "ranking.csv", dtype={"id": str})
    assert len(ranking) == 64 and ranking["id"].head(6).tolist() == ids["removed"]  # hardest first
    assert set(ranking.loc[ranking["in_removed_random"], "id"]) == set(ids["removed_random"])
    arms = pd.read_csv(finished / "reporting" / "arms.csv")
    assert set(arms["arm"]) == set(ARMS) - {"left_alone"} and {"difference", "low", "high"} <= set(arms)


def test_the_report_has_a_figure_and_its_numbers_for_each_table_of_the_poster(finished: Path) -> None:
    for name in ("overall", "forgettability", "classes", "pairs", "pie_ratios"):
        for suffix in ("png", "svg", "csv"):
            assert (finished / "reporting" / "figures" / f"{name}.{suffix}").stat().st_size > 100
    overall = pd.read_csv(finished / "reporting" / "overall.csv")
    assert set(overall["compression"]) == {"global_magnitude", "random", "structured", "quantized", "low_rank"}
    pies = pd.read_csv(finished / "reporting" / "pies.csv", dtype={"id": str})
    assert len(pies) == 60 and pies["image"].map(lambda name: Path(name).is_file()).all()


def test_the_page_tells_what_each_network_says_of_the_hardest_images(finished: Path) -> None:
    for case in read_content(finished, hardest=3)["hardest"]:
        assert case["slices"] and {"Effusion", "Hernia"} <= {row["name"] for row in case["classes"]}
        assert all(0 <= row["dense"] <= 1 and row["truth"] in (0, 1, None) for row in case["classes"])


def test_the_commands_write_the_tables_of_a_run_elsewhere(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def htl(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["htl", *map(str, words)])
        main()
        return capsys.readouterr().out

    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    shown = htl("forgettability", finished, "--out", tmp_path / "curves")
    assert "Which classes are forgotten first" in shown and "Hernia" in shown and "figures/pairs.png" in shown
    shown = htl("pie", finished, "--out", tmp_path / "pies", "--sparsity", 0.75, "--share", 0.2)
    assert "Whom the forgotten images" in shown
    assert pd.read_csv(tmp_path / "pies" / "pies.csv")["is_pie"].sum() == 12
    for name in ("overall", "correlations"):
        ours, of_run = (folder / f"{name}.csv" for folder in (tmp_path / "curves", finished / "reporting"))
        assert ours.read_bytes() == of_run.read_bytes()
    shown = htl("reader-study", "make", finished, "--out", tmp_path / "study", "--count", 4, "--readers", 2)
    assert "sheets/reader_2.html" in shown and "key.csv" in shown
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


def test_a_second_call_does_nothing_and_fewer_seeds_repeat_what_looks_at_all(phantom: Path, copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()}
    assert not again(run(phantom, copied, SEEDS))
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("[!.]*") if path.is_file()} == before
    repeated = again(run(phantom, copied, [0]))  # a seed less: what looks at all of them is made anew
    assert {"selecting", "reporting"} <= repeated
    assert not [stage for stage in repeated if "training" in stage or "mining" in stage]
    assert pd.read_csv(copied / "reporting" / "overall.csv")["n_seeds"].unique().tolist() == [1]


def test_a_run_killed_in_training_and_mining_ends_as_an_undisturbed_one(
    phantom: Path, finished: Path, tmp_path: Path, kill_when: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "run"
    for path in (out / "seed_0" / "training" / "checkpoint.pt", out / "seed_3" / "mining" / "started.json"):
        kill_when(path.exists, run, phantom, out, SEEDS)
        assert not (path.parent / "provenance.json").exists()
    assert run(phantom, out, SEEDS)["seed_0/training"] == "done already"
    for stage in STAGES:
        for name in stage.outputs:
            if name != "data.json" and not name.endswith(".pt"):
                assert (out / stage.name / name).read_bytes() == (finished / stage.name / name).read_bytes()


@pytest.mark.browser
def test_its_report_in_use(finished: Path, use_report: Callable[[Path], None]) -> None:
    use_report(finished)
