"""Weighted sampling: draws from all images, the hard ones more often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from htl_monai.attention.policy import Policy


@dataclass(frozen=True)
class Weighted(Policy):
    """Draw with replacement, by weights ``1 + strength × hardness``.

    Args:
        strength: how much more often the hardest image is drawn than the easiest; above 0.
        never_learned: whether images that the dense network never learned weigh as much as the hardest; 1 otherwise.
    """

    name = "weighted"
    meaning = "Train on with all images, drawn the more often the harder they are."
    one_scale = True

    strength: float = 4.0
    never_learned: bool = False

    def __post_init__(self) -> None:
        if self.strength <= 0:
            raise ValueError(f"strength must be above 0, got {self.strength}; take the policy everything to weigh none")

    def weights(self, hardness: Sequence[float]) -> list[float]:
        """Return weights from 1 to ``1 + strength``.

        Hardness above 1 is scaled so that the largest is 1. An image that improved, or of which nothing is known,
        weighs 1.

        Example:
            >>> Weighted(strength=2).weights([0.5, -0.2, float("nan"), float("inf")])
            [2.0, 1.0, 1.0, 1.0]
        """
        hard = np.asarray(hardness, dtype=np.float64)
        unlearned = np.isinf(hard)
        hard = np.where(np.isfinite(hard), hard.clip(min=0), 0.0)
        hard = hard / max(1.0, hard.max(initial=0.0))
        return (1 + self.strength * np.where(unlearned, float(self.never_learned), hard)).tolist()
