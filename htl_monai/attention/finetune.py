"""Fine-tuning: shows the chosen images alone (Attend Who is Weak, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from htl_monai.attention.policy import Item, Policy

__all__ = ["FineTune"]


@dataclass(frozen=True)
class FineTune(Policy):
    """Show the chosen images and no others."""

    name: ClassVar[str] = "finetune"
    meaning: ClassVar[str] = "Fine-tune on the chosen images alone."

    def items(self, data: Sequence[Item], chosen: Sequence[Item], seed: int) -> list[Item]:
        """Return the chosen images."""
        return list(chosen)
