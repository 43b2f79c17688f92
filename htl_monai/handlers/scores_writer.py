"""Writes what a network, and what is pruned of it, scored of every sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor
from xarray import Dataset

from htl_monai.data.files import write_csv
from htl_monai.handlers.pixel_boxes import boxes_in_pixels
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.metrics.finite import are_finite, require_finite
from htl_monai.metrics.segmentation import segmentation_scores, whole_image_iou
from htl_monai.metrics.usefulness import WHOLE_IMAGE
from htl_monai.ranking.forgetting_table import ranking_table
from htl_monai.scores import make_scores, table_of, write_scores

__all__ = ["ScoresWriter"]


class ScoresWriter:
    """Write ``scores.nc``, and beside it what a person opens.

    Of a ``ForgettingEvaluator`` it has the dense network and each level of compression, with ``ranking.csv`` (one row a
    sample, hardest first) and ``sparsity.csv`` (what was really removed of each layer); of any other evaluator the one
    network that it ran, with ``scores.csv``. Boxes are in pixels of the original images: ``x_min_px``, ``y_min_px``,
    ``x_max_px`` and ``y_max_px``, rounded outwards, NaN where there is none.

    A sample whose output is NaN or infinite stops the run with an error that names it.

    Args:
        data: the data list that the evaluator reads.
        path: the file, written when the pass is complete, or None to keep the scores in memory only.
        primary: the score that counts first: its drop is the forgetting.
        classes: names of the classes of what is scored class by class.
        scores: of an evaluator that is no ``ForgettingEvaluator``: maps ``(pred, label)`` to scores by name.
        tables: write the tables beside the file.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of an evaluator with ``decollate`` off.
    Reads: ``engine.state.batch["id"]``; of ``engine.state.output`` ``label``, and ``dense_scores`` and
        ``pruned_scores``, or ``pred``.
    Writes: the files in the first process; ``engine.state.scores`` (the labelled array) in all of them.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        path: str | os.PathLike[str] | None = None,
        primary: str = "foreground_iou",
        classes: Sequence[str] = ("background", "foreground"),
        scores: Callable[[Tensor, Tensor], dict[str, Tensor]] = segmentation_scores,
        tables: bool = True,
    ) -> None:
        self.data = data
        self.path = None if path is None else Path(path)
        self.primary = primary
        self.classes = tuple(classes)
        self.scores = scores
        self.tables = tables
        self._of_images = ScoreCollector()
        self._of_levels = ScoreCollector()

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
            engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        ids, of_levels = self._of_levels.gathered()
        _, of_images = self._of_images.gathered()
        of_levels = boxes_in_pixels(self.data, ids, of_levels)
        axes = ("sample", "level", "class")
        engine.state.scores = make_scores(
            self.data,
            ids,
            {name: (axes[: values.ndim], values) for name, values in {**of_images, **of_levels}.items()},
            (0.0, *getattr(engine, "sparsities", ())),
            self.classes,
            primary=self.primary,
            compression=type(engine.pruner).__name__ if hasattr(engine, "pruner") else "",
        )
        if engine.state.rank == 0 and self.path is not None:
            self._write(engine.state.scores, engine)

    def _start(self, engine: Engine) -> None:
        self._of_images.clear()
        self._of_levels.clear()

    def _collect(self, engine: Engine) -> None:
        ids, output = engine.state.batch["id"], engine.state.output
        if "dense_scores" in output:
            dense, pruned = output["dense_scores"], output["pruned_scores"]
            scores = {name: torch.cat([dense[name][:, None], pruned[name]], dim=1) for name in dense}
        else:
            require_finite(are_finite(output["pred"])[:, None], ids)
            scores = {name: of[:, None] for name, of in self.scores(output["pred"], output["label"]).items()}
        self._of_levels.add(ids, scores)
        has_mask = output["label"] is not None and output["label"].ndim > 2
        self._of_images.add(ids, {WHOLE_IMAGE: whole_image_iou(output["label"])} if has_mask else {})

    def _write(self, scores: Dataset, engine: Engine) -> None:
        assert self.path is not None
        sweep = getattr(engine, "sweep", None)
        if self.tables and sweep is not None:
            write_csv(self.path.with_name("sparsity.csv"), sweep.report())
            if "class" not in scores[self.primary].dims and scores.sizes["level"] > 1:
                write_csv(self.path.with_name("ranking.csv"), ranking_table(scores))
        elif self.tables:
            write_csv(self.path.with_name("scores.csv"), table_of(scores, 0.0))
        write_scores(self.path, scores)
