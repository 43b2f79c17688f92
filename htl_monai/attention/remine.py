"""Weighted sampling by what is forgotten now: mines again every few epochs."""

from dataclasses import dataclass

from htl_monai.attention.weighted import Weighted


@dataclass(frozen=True)
class Remine(Weighted):
    """Draw as :class:`Weighted` does, and mine again while training.

    Args:
        remine_every: epochs between two minings, from 1.
    """

    name = "remine"
    meaning = "Weighted sampling whose weights follow what the network in training forgets now."

    remine_every: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.remine_every < 1:
            raise ValueError(f"remine_every must be at least 1, got {self.remine_every}; count in epochs")
