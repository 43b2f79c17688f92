"""Removal: leaves the chosen images out, as noise or as mislabelled (PruneCXR)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from htl_monai.attention.policy import Item, Policy

__all__ = ["Remove"]


@dataclass(frozen=True)
class Remove(Policy):
    """Show all images but the chosen ones."""

    name: ClassVar[str] = "remove"
    meaning: ClassVar[str] = "Train on without the chosen images."
    one_scale: ClassVar[bool] = True

    def items(self, data: Sequence[Item], chosen: Sequence[Item], seed: int) -> list[Item]:
        """Return the others.

        Raises:
            ValueError: there are none.
        """
        taken = {item["id"] for item in chosen}
        rest = [item for item in data if item["id"] not in taken]
        if not rest:
            raise ValueError(f"amount must leave images to train on, got all {len(taken)} chosen; lower it")
        return rest
