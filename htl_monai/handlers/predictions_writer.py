"""Writes what a classifier says of each image, dense and at every sparsity."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from numpy.typing import NDArray

from htl_monai.data.files import write_csv
from htl_monai.handlers.score_collector import ScoreCollector
from htl_monai.metrics.finite import are_finite, require_finite
from htl_monai.metrics.multi_label import PROBABILITY, class_probabilities
from htl_monai.scores.predictions import Predictions, write_predictions
from htl_monai.scores.table import rows_of

__all__ = ["PredictionsWriter"]


class PredictionsWriter:
    """Write ``predictions.npz``: the probability of every class for every image, in the order of the data list.

    Of a ``ForgettingEvaluator`` with ``class_probabilities`` as scores it keeps the dense network and each sparsity, in
    ascending order from 0; of any other evaluator, whose ``pred`` are logits, the one network that it ran.

    Args:
        data: the data list that the evaluator reads.
        path: the ``.npz`` file, written when the pass is complete.
        classes: names of the network's outputs.
        sparsity_path: where to write what was really removed of each layer, or None.

    Runs on: ``STARTED``, ``ITERATION_COMPLETED`` and ``COMPLETED`` of the evaluator.
    Reads: ``engine.state.batch["id"]``; of ``engine.state.output`` ``dense_scores`` and ``pruned_scores``, or ``pred``.
    Writes: the files in the first process; ``engine.state.predictions`` in all of them.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        path: str | os.PathLike[str],
        classes: Sequence[str],
        sparsity_path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.data = data
        self.path = Path(path)
        self.classes = tuple(classes)
        self.sparsity_path = None if sparsity_path is None else Path(sparsity_path)
        self._collector = ScoreCollector()

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator; a second call changes nothing."""
        if not engine.has_event_handler(self, Events.COMPLETED):
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
            engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        ids, scores = self._collector.gathered()
        levels = [scores["dense"][:, None]]
        if "pruned" in scores:
            levels.append(scores["pruned"])
        found = predictions_of(self.data, ids, np.concatenate(levels, axis=1), self.classes, self._sparsities(engine))
        engine.state.predictions = found
        if engine.state.rank != 0:
            return
        sweep = getattr(engine, "sweep", None)
        if self.sparsity_path is not None and sweep is not None:
            write_csv(self.sparsity_path, sweep.report())
        write_predictions(self.path, found)

    def _start(self, engine: Engine) -> None:
        self._collector.clear()

    def _collect(self, engine: Engine) -> None:
        output = engine.state.output
        if "dense_scores" in output:
            scores = {"dense": output["dense_scores"][PROBABILITY], "pruned": output["pruned_scores"][PROBABILITY]}
        else:
            require_finite(are_finite(output["pred"])[:, None], engine.state.batch["id"])
            scores = {"dense": class_probabilities(output["pred"])[PROBABILITY]}
        self._collector.add(engine.state.batch["id"], scores)

    @staticmethod
    def _sparsities(engine: Engine) -> tuple[float, ...]:
        return (0.0, *getattr(engine, "sparsities", ()))


def predictions_of(
    data: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
    probabilities: NDArray[np.floating[Any]],
    classes: Sequence[str],
    sparsities: Sequence[float],
) -> Predictions:
    """Put probabilities into the order of a data list and of rising sparsity.

    Args:
        data: the data list, with ``id``.
        ids: ``N`` ids in any order; one that a distributed sampler repeated counts once.
        probabilities: ``(N, K, C)``.
        classes: ``C`` names.
        sparsities: ``K`` sparsities in any order; one that is repeated counts once.

    Raises:
        ValueError: an image of the data list is not among the ids; it is named.
    """
    levels, places = np.unique(np.asarray(sparsities, dtype=np.float64), return_index=True)
    arranged = probabilities[rows_of(data, ids)][:, places].transpose(1, 0, 2).astype(np.float32)
    return Predictions(arranged, tuple(item["id"] for item in data), tuple(classes), tuple(levels.tolist()))
