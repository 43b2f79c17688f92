"""Curriculum: begins with the easiest images and adds harder ones epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from htl_monai.attention.policy import Policy, repeated


@dataclass(frozen=True)
class Curriculum(Policy):
    """Draw each epoch from the easiest images, whose share grows evenly.

    Args:
        first_share: of the images that the first epoch draws from, in (0, 1].
        grown_by: the share of the epochs after which all images take part, in (0, 1].
    """

    name = "curriculum"
    meaning = "Train on with the easiest images first, and with all of them in the end."
    one_scale = True

    first_share: float = 0.3
    grown_by: float = 0.5

    def __post_init__(self) -> None:
        for name in ("first_share", "grown_by"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}; write 0.5, for example")

    def epoch(
        self, hardness: Sequence[float], count: int, epoch: int, n_epochs: int, generator: torch.Generator
    ) -> list[int]:
        """Return places among the easiest; images with nothing to measure come last, as those never learned do."""
        order = np.argsort(np.nan_to_num(np.asarray(hardness, dtype=np.float64), nan=np.inf), kind="stable")
        grown = min(1.0, (epoch - 1) / max(1.0, self.grown_by * n_epochs))
        share = self.first_share + (1 - self.first_share) * grown
        return repeated(order[: max(1, round(share * len(order)))].tolist(), count, generator)
