"""What rankings share that are made of what a training recorded, epoch by epoch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from xarray import Dataset, concat

from htl_monai.ranking.ranking import Ranking, Values


class OfTraining(Ranking):
    """Base of rankings of training dynamics; of several seeds the mean of their numbers counts."""

    needs = "It needs what the training of these samples recorded (record_dynamics, or an arm that ranks by it)."

    def values(self, scores: Dataset) -> Values:
        """Return the numbers; NaN for a sample that no epoch saw."""
        found = scores[self.variables[0]]
        seeds = found.transpose("seed", "epoch", "sample").values if "seed" in found.dims else [found.values]
        return np.mean([self.of_epochs(np.asarray(epochs, dtype=np.float64)) for epochs in seeds], axis=0)

    @abstractmethod
    def of_epochs(self, recorded: Values) -> Values:
        """Make ``(N,)`` of ``(E, N)``; NaN where an epoch did not see the sample."""

    @staticmethod
    def mean(recorded: Values) -> Values:
        """Return the mean over the epochs that saw the sample, NaN where none did."""
        seen = ~np.isnan(recorded)
        counts = np.where(seen.any(axis=0), seen.sum(axis=0), np.nan)
        return np.asarray(np.where(seen, recorded, 0).sum(axis=0) / counts)


def with_dynamics(scores: Dataset, dynamics: Sequence[Dataset]) -> Dataset:
    """Add what trainings recorded of the samples; one that they did not train on has NaN.

    Args:
        scores: of the samples that are ranked, of one seed or of several joined.
        dynamics: as :class:`~htl_monai.handlers.training_dynamics.TrainingDynamics` wrote it, one a seed; a training
            that stopped earlier than others has NaN in its last epochs.
    """
    names = [name for name in dynamics[0].data_vars if "epoch" in dynamics[0][name].dims]
    epochs = max(recorded.sizes["epoch"] for recorded in dynamics)
    parts = [
        recorded[names]
        .reset_coords(drop=True)
        .reindex(sample=scores["sample"])
        .pad(epoch=(0, epochs - recorded.sizes["epoch"]))
        for recorded in dynamics
    ]
    joined = concat(parts, "seed", coords="minimal", compat="override") if "seed" in scores.dims else parts[0]
    return scores.assign(joined.data_vars)
