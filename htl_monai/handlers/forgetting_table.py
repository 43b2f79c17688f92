"""Writes the forgetting table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from ignite.engine import Events

from htl_monai.data.files import write_csv
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.pixel_boxes import boxes_in_pixels
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.metrics.segmentation import whole_image_iou
from htl_monai.metrics.usefulness import WHOLE_IMAGE
from htl_monai.scores.table import forgetting_table

__all__ = ["ForgettingTable"]


class ForgettingTable:
    """Write ``forgetting.csv``: what every image lost at every sparsity, with its metadata.

    Boxes among the scores are written in pixels of the original images: ``x_min_px``, ``y_min_px``, ``x_max_px`` and
    ``y_max_px``, rounded outwards, empty where there is no box. Where there are masks, ``whole_image_iou`` is the share
    of the image that is lesion: what a mask of the whole image would reach.

    Args:
        data: the data list that the evaluator reads.
        path: the CSV file, written when the pass is complete, or None to keep the table in memory only.
        score: the score whose drop is the forgetting.
        sparsity_path: where to write the real sparsity of each layer, or None.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of a ``ForgettingEvaluator``.
    Reads: ``engine.state.batch["id"]``; ``["dense_scores"]``, ``["pruned_scores"]`` and ``["label"]`` of
        ``engine.state.output``.
    Writes: the files in the first process; ``engine.state.forgetting`` (the table) in all of them.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        path: str | os.PathLike[str] | None = None,
        score: str = "foreground_iou",
        sparsity_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.data = data
        self.path = None if path is None else Path(path)
        self.score = score
        self.sparsity_path = None if sparsity_path is None else Path(sparsity_path)
        self._images = ScoreCollector()
        self._dense = ScoreCollector()
        self._pruned = ScoreCollector()

    def attach(self, engine: ForgettingEvaluator) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
            engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: ForgettingEvaluator) -> None:
        ids, dense = self._dense.gathered()
        _, pruned = self._pruned.gathered()
        dense, pruned = (boxes_in_pixels(self.data, ids, scores) for scores in (dense, pruned))
        _, of_images = self._images.gathered()
        table = forgetting_table(self.data, ids, dense, pruned, engine.sparsities, self.score, of_images)
        engine.state.forgetting = table
        if engine.state.rank == 0:
            self._write(table, engine)

    def _start(self, engine: ForgettingEvaluator) -> None:
        self._images.clear()
        self._dense.clear()
        self._pruned.clear()

    def _collect(self, engine: ForgettingEvaluator) -> None:
        ids, label = engine.state.batch["id"], engine.state.output["label"]
        self._images.add(ids, {} if label is None else {WHOLE_IMAGE: whole_image_iou(label)})
        self._dense.add(ids, engine.state.output["dense_scores"])
        self._pruned.add(ids, engine.state.output["pruned_scores"])

    def _write(self, table: pd.DataFrame, engine: ForgettingEvaluator) -> None:
        if self.sparsity_path is not None and engine.sweep is not None:
            write_csv(self.sparsity_path, engine.sweep.report())
        if self.path is not None:
            write_csv(self.path, table)
