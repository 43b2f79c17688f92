"""Writes what a network, and what is pruned of it, scored of every sample."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from xarray import Dataset

from htl_monai.data.files import write_csv
from htl_monai.handlers.handler import Handler
from htl_monai.handlers.pixel_boxes import boxes_in_pixels
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.ranking.rank_all import rank_all
from htl_monai.scores import make_scores, table_of, write_scores
from htl_monai.tasks.finite import are_finite, require_finite
from htl_monai.tasks.task import Task

__all__ = ["ScoresWriter"]


class ScoresWriter(Handler):
    """Write ``scores.nc``, and beside it what a person opens.

    Of a ``ForgettingEvaluator`` it has the dense network and each level of compression, with ``ranking.csv`` (one row a
    sample, hardest first, see :func:`~htl_monai.ranking.rank_all.rank_all`) and ``sparsity.csv`` (what was really
    removed of each layer); of any other evaluator the one network that it ran, with ``scores.csv``. Boxes are in pixels
    of the original images: ``x_min_px``, ``y_min_px``, ``x_max_px`` and ``y_max_px``, rounded outwards, NaN where there
    is none.

    A sample whose output is NaN or infinite stops the run with an error that names it.

    Args:
        data: the data list that the evaluator reads.
        path: the file, written when the pass is complete, or None to keep the scores in memory only.
        task: how the output is scored; by default the evaluator's own.
        primary: the score that counts first, whose drop is the forgetting; by default the task's, of agreement where
            there are no labels.
        tables: write the tables beside the file.

    Runs on: an evaluator with ``decollate`` off.
    Reads: ``engine.state.batch["id"]``; of ``engine.state.output`` ``pred``, ``label``, and what a
        ``ForgettingEvaluator`` adds.
    Writes: the files in the first process; ``engine.state.scores`` (the labelled array) in all of them.
    """

    events = {Events.STARTED: "_start", Events.ITERATION_COMPLETED: "_collect", Events.COMPLETED: "__call__"}

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        path: str | os.PathLike[str] | None = None,
        task: Task | None = None,
        primary: str | None = None,
        tables: bool = True,
    ) -> None:
        self.data, self.path = data, None if path is None else Path(path)
        self.task, self.primary, self.tables = task, primary, tables
        self._of_samples, self._of_levels = ScoreCollector(), ScoreCollector()

    def __call__(self, engine: Engine) -> None:
        task = self._task(engine)
        ids, of_levels = self._of_levels.gathered()
        _, of_samples = self._of_samples.gathered()
        of_levels = boxes_in_pixels(self.data, ids, of_levels)
        axes = ("sample", "level", "class")
        engine.state.scores = make_scores(
            self.data,
            ids,
            {name: (axes[: values.ndim], values) for name, values in of_levels.items()}
            | {name: (axes[::2][: values.ndim], values) for name, values in of_samples.items()},
            (0.0, *getattr(engine, "sparsities", ())),
            task.classes,
            task=task.name,
            primary=self.primary or (task.primary if task.primary in of_levels else task.primary_agreement),
            foreground=task.foreground,
            labelled=int(task.primary in of_levels),
            compression=type(engine.pruner).__name__ if hasattr(engine, "pruner") else "",
        )
        if engine.state.rank == 0 and self.path is not None:
            self._write(engine.state.scores, engine)

    def _start(self, engine: Engine) -> None:
        self._of_samples.clear()
        self._of_levels.clear()

    def _collect(self, engine: Engine) -> None:
        task, ids, output = self._task(engine), engine.state.batch["id"], engine.state.output
        of_samples = {} if output["label"] is None else task.of_label(output["label"])
        if "pruned" in output:
            itself = task.agreement(output["pred"], output["pred"])
            dense, pruned = output["dense"] | itself, output["pruned"] | output["agreement"]
            of_levels = {name: torch.cat([dense[name][:, None], pruned[name]], dim=1) for name in pruned}
            of_samples |= output["doubt"]
        else:
            require_finite(are_finite(output["pred"])[:, None], ids)
            of_levels = {name: values[:, None] for name, values in task.scores(output).items()}
        self._of_levels.add(ids, of_levels)
        self._of_samples.add(ids, of_samples)

    def _task(self, engine: Engine) -> Task:
        task = self.task or getattr(engine, "task", None)
        if task is None:
            raise ValueError("task must be given where the evaluator has none, got None; name the task of the network")
        return task

    def _write(self, scores: Dataset, engine: Engine) -> None:
        assert self.path is not None
        sweep = getattr(engine, "sweep", None)
        if self.tables and sweep is not None:
            write_csv(self.path.with_name("sparsity.csv"), sweep.report())
            write_csv(self.path.with_name("ranking.csv"), rank_all(scores))
        elif self.tables:
            write_csv(self.path.with_name("scores.csv"), table_of(scores, 0.0))
        write_scores(self.path, scores)
