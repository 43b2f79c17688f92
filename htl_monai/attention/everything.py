"""Everything: trains on with all images alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from htl_monai.attention.policy import Policy

__all__ = ["Everything"]


@dataclass(frozen=True)
class Everything(Policy):
    """Show the whole training list."""

    name: ClassVar[str] = "everything"
    meaning: ClassVar[str] = "Train on with all images: what longer training brings by itself."
    chooses: ClassVar[bool] = False
