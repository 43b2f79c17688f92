"""The settings of the application: which stages each one has, and how their files hang together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from htl_monai.settings.chest_xray import SEEDS, chest_xray_stages
from htl_monai.settings.lesions import SEMI_SUPERVISED, SUPERVISED, WEAKLY_SUPERVISED
from htl_monai.settings.stage import Setting, Stage

__all__ = ["SETTINGS", "Setting", "Stage"]

SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "supervised": Setting("lesion_localization", SUPERVISED),
        "semi_supervised": Setting("lesion_localization", SEMI_SUPERVISED),
        "weakly_supervised": Setting("lesion_weak_localization", WEAKLY_SUPERVISED),
        "chest_xray": Setting("chest_xray_long_tail", chest_xray_stages(SEEDS), chest_xray_stages, multi_label=True),
    }
)
"""Paper 1: Algorithms 1, 2 and 3 (``random`` is its Baseline 4; the plain baselines look at no network). Paper 2."""
