"""What MLflow is told of a run and its stages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from htl_monai.data.files import read_note, read_table
from htl_monai.handlers.mlflow_run import MLflowRun
from htl_monai.runs import layout
from htl_monai.runs.plan import PlannedStage, plan_setting
from htl_monai.runs.provenance import Origin
from htl_monai.runs.stage import Stage
from htl_monai.runs.tracking import _of_scores, tracked_run, tracked_stage
from htl_monai.scores import make_scores
from htl_monai.statistics.bootstrap_interval import bootstrap_interval

PARENT = "mlflow.parentRunId"


def told(folder: Path, uri: str) -> Run:
    """Return MLflow's run of a folder."""
    return MlflowClient(uri).get_run(read_note(folder / layout.MLFLOW)["run_id"])


def kept(run: Run, uri: str) -> set[str]:
    return {file.path for file in MlflowClient(uri).list_artifacts(run.info.run_id)}


def test_every_stage_is_a_run_nested_in_that_of_the_whole(finished_run: Path, mlflow_uri: str) -> None:
    parent = told(finished_run, mlflow_uri)
    assert (parent.info.run_name, parent.info.status) == ("supervised run", "FINISHED")
    stages = {path.parent.name: told(path.parent, mlflow_uri) for path in finished_run.glob(f"*/{layout.MLFLOW}")}
    assert set(stages) == {path.parent.name for path in finished_run.glob("*/provenance.json")}
    assert {run.data.tags[PARENT] for run in stages.values()} == {parent.info.run_id}
    assert {run.info.status for run in stages.values()} == {"FINISHED"}
    tags = stages["finetuning_htl"].data.tags
    assert (tags["stage"], tags["arm"], tags["seed"]) == ("finetuning", "htl", "10")
    assert "arm" not in stages["training"].data.tags


def test_a_stage_tells_its_settings_scores_and_files(finished_run: Path, mlflow_uri: str) -> None:
    run = told(finished_run / "training", mlflow_uri)
    assert run.data.params["max_epochs"] == "4" and run.data.params["network_def._target_"] == "BasicUNet"
    assert {"config.json", "epochs.csv", "log.txt"} <= kept(run, mlflow_uri)
    log = read_table(finished_run / "training" / "epochs.csv")
    history = MlflowClient(mlflow_uri).get_metric_history(run.info.run_id, "val_foreground_iou")
    assert [found.value for found in history] == log["val_foreground_iou"].tolist()
    evaluated = told(finished_run / "evaluating_htl", mlflow_uri)
    scores = read_table(finished_run / "reporting" / "scores.csv").set_index("model")
    assert evaluated.data.metrics["foreground_iou"] == pytest.approx(scores.loc["htl", "foreground_iou"])
    whole = told(finished_run, mlflow_uri)
    assert whole.data.metrics["htl/foreground_iou"] == pytest.approx(scores.loc["htl", "foreground_iou"])
    assert {"report.html", "pictures"} <= kept(whole, mlflow_uri)
    difference = read_table(finished_run / "reporting" / "comparison.csv").iloc[0]
    assert whole.data.metrics["htl minus dense/foreground_iou"] == pytest.approx(difference["difference"])


def test_what_pruning_costs_is_told_by_sparsity(finished_run: Path, mlflow_uri: str) -> None:
    run, table = told(finished_run / "mining", mlflow_uri), read_table(finished_run / "reporting" / "impact.csv")
    history = MlflowClient(mlflow_uri).get_metric_history(run.info.run_id, "foreground_iou_pruned")
    assert [found.step for found in history] == [500, 700]
    assert [found.value for found in history] == pytest.approx(table["foreground_iou_pruned"].tolist())


def test_mean_scores_have_intervals_over_subjects() -> None:
    values = [0.01 * number for number in range(40)]
    data = [{"id": str(number), "subject": str(number // 2)} for number in range(40)]
    iou = [[[value]] for value in values]
    scores = make_scores(data, [item["id"] for item in data], {"iou": iou}, [0.0], ["lesion"], primary="iou")
    ((step, numbers),) = _of_scores(scores)
    low, high = bootstrap_interval(values, subjects=[item["subject"] for item in data])
    assert step == 0 and numbers["foreground_iou"] == pytest.approx(0.195)
    assert (numbers["foreground_iou_low"], numbers["foreground_iou_high"]) == pytest.approx((low, high))


@pytest.fixture
def planned(tmp_path: Path) -> PlannedStage:
    stage = Stage("seed_3/training", "training", ("train.json",), (), ())
    (tmp_path / "seed_3" / "training").mkdir(parents=True)
    return PlannedStage(stage, tmp_path, {"seed": 3, "rate": 0.1}, {}, "digest")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_stage_that_fails_is_failed_and_goes_on_in_its_run(
    planned: PlannedStage, tmp_path: Path, mlflow_uri: str, error: type[BaseException]
) -> None:
    origin = Origin({"rate": 0.1}, {}, "digest", {})
    parent = MLflowRun(mlflow_uri, "parent").begin(tmp_path / layout.MLFLOW)
    with pytest.raises(error), tracked_stage(planned, origin, parent):
        (planned.folder / "log.txt").write_text("so far", encoding="utf-8")
        raise error
    failed = told(planned.folder, mlflow_uri)
    assert failed.info.status == "FAILED" and kept(failed, mlflow_uri) == {"config.json", "log.txt"}
    with tracked_stage(planned, origin, parent) as entries:
        assert (entries["mlflow"], entries["mlflow_uri"]) == (True, mlflow_uri)
    again = told(planned.folder, mlflow_uri)
    assert (again.info.run_id, again.info.status) == (failed.info.run_id, "FINISHED")
    with tracked_stage(planned, replace(origin, config={"rate": 0.2}), parent):
        pass
    assert told(planned.folder, mlflow_uri).info.run_id != failed.info.run_id


def test_without_its_parent_a_stage_is_not_tracked(planned: PlannedStage) -> None:
    origin = Origin({"rate": 0.1}, {}, "digest", {})
    with tracked_stage(planned, origin, None) as entries:
        assert entries == {"mlflow": False}
    assert not (planned.folder / layout.MLFLOW).exists()


def test_a_run_that_goes_on_reopens_its_run_of_mlflow(
    tiny_phantom: Path, tmp_path: Path, mlflow_uri: str, tiny: dict
) -> None:
    settings = {**tiny, "mlflow": True, "mlflow_uri": mlflow_uri}
    plan = plan_setting("supervised", tiny_phantom, tmp_path, settings=settings)
    for _ in range(2):
        with tracked_run(plan, tmp_path) as run:
            assert told(tmp_path, mlflow_uri).info.status == "RUNNING"
    assert run is not None and told(tmp_path, mlflow_uri).info.run_id == run.run_id
    assert json.loads(told(tmp_path, mlflow_uri).data.tags["changes"])["max_epochs"] == 4
