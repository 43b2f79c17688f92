"""The settings of the application: which stages each one has, and how their files hang together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from htl_monai.runs.chest_xray import SEEDS, chest_xray_stages
from htl_monai.runs.lesions import SEMI_SUPERVISED, SUPERVISED, WEAKLY_SUPERVISED, stages_of_seeds
from htl_monai.runs.stage import Setting, Stage

__all__ = ["SETTINGS", "Setting", "Stage"]


def _lesions(bundle: str, stages: tuple[Stage, ...]) -> Setting:
    return Setting(bundle, stages, partial(stages_of_seeds, stages))


SETTINGS: Mapping[str, Setting] = MappingProxyType(
    {
        "supervised": _lesions("lesion_localization", SUPERVISED),
        "semi_supervised": _lesions("lesion_localization", SEMI_SUPERVISED),
        "weakly_supervised": _lesions("lesion_weak_localization", WEAKLY_SUPERVISED),
        "chest_xray": Setting(
            "chest_xray_long_tail", chest_xray_stages(SEEDS), chest_xray_stages, SEEDS, multi_label=True
        ),
    }
)
"""Attend Who is Weak, Algorithms 1 to 3 (``random`` is its Baseline 4, the plain ones use no network); PruneCXR."""
