"""Writes the scores of each image."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import Tensor

from htl_monai.data.files import write_csv
from htl_monai.handlers.pixel_boxes import boxes_in_pixels
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.metrics.finite import are_finite, require_finite
from htl_monai.metrics.segmentation import segmentation_scores, whole_image_iou
from htl_monai.metrics.usefulness import WHOLE_IMAGE
from htl_monai.scores.table import score_table

__all__ = ["ScoresTable"]


class ScoresTable:
    """Write ``scores.csv``: one row per image, its metadata and its scores.

    Boxes among the scores are written in pixels of the original images: ``x_min_px``, ``y_min_px``, ``x_max_px`` and
    ``y_max_px``, rounded outwards, empty where there is no box. ``whole_image_iou`` is the share of the image that is
    lesion: what a mask of the whole image would reach.

    An image whose prediction is NaN or infinite stops the run with an error that names it.

    Args:
        data: the data list that the evaluator reads.
        path: the CSV file, written when the pass is complete.
        scores: maps ``(pred, label)`` to scores of shape ``(N,)`` by name.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of an evaluator with ``decollate`` off.
    Reads: ``engine.state.batch["id"]``, ``engine.state.output["pred"]`` and ``["label"]``.
    Writes: the file in the first process; ``engine.state.scores`` (the table) in all of them.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        path: str | os.PathLike[str],
        scores: Callable[[Tensor, Tensor], dict[str, Tensor]] = segmentation_scores,
    ) -> None:
        self.data = data
        self.path = Path(path)
        self.scores = scores
        self._collector = ScoreCollector()

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
            engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        ids, scores = self._collector.gathered()
        engine.state.scores = score_table(self.data, ids, boxes_in_pixels(self.data, ids, scores))
        if engine.state.rank == 0:
            write_csv(self.path, engine.state.scores)

    def _start(self, engine: Engine) -> None:
        self._collector.clear()

    def _collect(self, engine: Engine) -> None:
        output = engine.state.output
        require_finite(are_finite(output["pred"])[:, None], engine.state.batch["id"])
        scores = self.scores(output["pred"], output["label"])
        scores = {WHOLE_IMAGE: whole_image_iou(output["label"]), **scores}
        self._collector.add(engine.state.batch["id"], scores)
