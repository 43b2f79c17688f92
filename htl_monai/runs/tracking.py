"""Tells MLflow of a run: one run of its own for it, and one nested in that for each stage."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from xarray import Dataset

from htl_monai.analysis.comparison import scores_in
from htl_monai.analysis.impact import impact
from htl_monai.analysis.means import mean_scores
from htl_monai.data.files import read_table
from htl_monai.handlers.mlflow_run import FAILED, FINISHED, MLflowRun
from htl_monai.ranking.forgetting_table import primary_column
from htl_monai.report.summary import mined_table
from htl_monai.runs import layout
from htl_monai.runs.plan import Plan, PlannedStage
from htl_monai.runs.provenance import Origin
from htl_monai.scores import read_scores, table_of
from htl_monai.statistics.bootstrap_interval import bootstrap_interval

__all__ = ["plain_entries", "tracked_run", "tracked_stage"]

_FILES = ("*.csv", "*.html", "log.txt", "figures/*", "pictures/**/*")
# MLflow's steps are whole numbers: of a sweep, how many of a thousand weights are removed.
_STEPS = 1000
Steps = Iterable[tuple[int, dict[str, float]]]


@contextlib.contextmanager
def tracked_run(plan: Plan, folder: Path) -> Iterator[MLflowRun | None]:
    """Give MLflow's run of a whole run, if that is asked for and can be had; the block's failure is its own.

    It is the same one whenever the folder's run goes on, and closes with what its report says.
    """
    if plan.mlflow_uri is None:
        yield None
        return
    name = Path(plan.note.setting).stem
    run = MLflowRun(plan.mlflow_uri, f"{name} {folder.name}")
    changes = json.dumps(plan.changes, ensure_ascii=False, default=str)
    tags = {"setting": name, "bundle": plan.bundle.name, "changes": changes}
    run.begin(folder / layout.MLFLOW, tags, reopen=True)
    with _told_the_end(run, folder, lambda: _of_report(folder / layout.REPORTING)):
        yield None if run.failed else run


@contextlib.contextmanager
def tracked_stage(planned: PlannedStage, origin: Origin, parent: MLflowRun | None) -> Iterator[Mapping[str, Any]]:
    """Give the entries to run a stage with; MLflow's run of it takes what its handlers tell inside the block.

    A stage that goes on from its checkpoint goes on in its run of MLflow; one made from something else gets another.
    """
    if parent is None:
        yield {**planned.entries, "mlflow": False}
        return
    stage = planned.stage
    tags = {"stage": stage.run_id, "seed": str(planned.config["seed"])}
    tags |= {"arm": stage.settings["arm"]} if "arm" in stage.settings else {}
    run = MLflowRun(parent.uri, stage.name)
    run.begin(planned.folder / layout.MLFLOW, tags, origin.fingerprint, parent.run_id)
    run.settings(plain_entries(origin.config))
    run.config(planned.config)
    ends = _told_the_end(run, planned.folder, lambda: _of_stage(planned.folder))
    with ends, _variable("MLFLOW_RUN_ID", run.run_id or ""):
        yield {**planned.entries, "mlflow": not run.failed, "mlflow_uri": run.uri}


def plain_entries(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return what a config says in plain values, by names joined by dots; expressions and lists of parts are left out.

    Example:
        >>> plain_entries({"rate": 0.1, "net": {"_target_": "UNet", "depth": 2, "act": "@act"}, "sizes": [3, 4]})
        {'rate': 0.1, 'net._target_': 'UNet', 'net.depth': 2, 'sizes': [3, 4]}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            found |= plain_entries(value, f"{name}.")
        elif _is_plain(value) and key != "_desc_":
            found[name] = value
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(part) and not isinstance(part, Mapping) for part in value)
    return not (isinstance(value, str) and value.startswith(("$", "@", "%")))


@contextlib.contextmanager
def _told_the_end(run: MLflowRun, folder: Path, results: Callable[[], Steps]) -> Iterator[None]:
    """Tell the results of a block that came to its end, and of any the files that it left and how it ended."""
    status = FAILED
    try:
        yield
        status = FINISHED
    finally:
        if status == FINISHED:
            run.numbers(results)
        run.files([path for pattern in _FILES for path in sorted(folder.glob(pattern)) if path.is_file()], folder)
        run.end(status)


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _of_stage(folder: Path) -> Steps:
    """Return what a stage measured: a network, a sweep, or a run as a whole."""
    path = folder / layout.SCORES
    return _of_scores(read_scores(path)) if path.is_file() else _of_report(folder)


def _of_scores(scores: Dataset) -> Steps:
    """Yield the mean scores of the dense network with 95 % intervals, and what each sparsity costs."""
    table = table_of(scores, 0.0)
    (means,) = _rows(mean_scores({"": scores}))
    for name in scores_in([scores]):
        measured = table[table[name].notna()]
        subjects = measured["subject"].tolist() if "subject" in measured else None
        low, high = bootstrap_interval(measured[name].astype(float), subjects=subjects)
        means |= {f"{name}_low": low, f"{name}_high": high}
    yield 0, means
    if len(scores["level"]) > 1:
        yield from _by_sparsity(impact(mined_table(scores), primary_column(scores)))


def _of_report(folder: Path) -> Steps:
    """Yield the mean scores of a run's models, their differences with 95 % intervals, and what each sparsity costs."""
    for table in _tables(folder, "scores.csv"):
        for model, row in zip(table["model"], _rows(table), strict=True):
            yield 0, {f"{model}/{name}": value for name, value in row.items()}
    for table in _tables(folder, "comparison.csv"):
        names = table["model"] + " minus " + table["reference"] + "/" + table["score"]
        for name, row in zip(names, _rows(table), strict=True):
            yield 0, {name: row["difference"], f"{name}_low": row["low"], f"{name}_high": row["high"]}
    for table in _tables(folder, "impact.csv"):
        yield from _by_sparsity(table)


def _tables(folder: Path, name: str) -> list[pd.DataFrame]:
    return [read_table(folder / name)] if (folder / name).is_file() else []


def _by_sparsity(table: pd.DataFrame) -> Steps:
    for row in _rows(table):
        yield round(_STEPS * row["sparsity"]), row


def _rows(table: pd.DataFrame) -> list[dict[str, float]]:
    """Return the numbers of each row."""
    numbers = table.select_dtypes("number")
    return [dict(zip(map(str, numbers), row, strict=True)) for row in numbers.to_numpy(dtype=float)]
