"""Reads what a run's record says of a network: values that are checked one by one and never run as expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from htl_monai.bundles import bundle_config, own_bundles
from htl_monai.data.files import read_json

__all__ = ["CAM_METHODS", "FIRST_BUNDLE", "HEAT_MAPS", "NETWORK", "NETWORK_SIZES", "is_plain_text", "read_model_record"]

NETWORK = ("network_size", "features", "feature_channels", "hidden_channels", "spatial_size")
"""Config entries that tell what network the weights are of."""
HEAT_MAPS = ("cam_method", "cam_layer", "cam_threshold")
"""Config entries that tell how its heat maps are made."""
NETWORK_SIZES = ("classical", "slim", "tiny")
CAM_METHODS = (
    *("GradCAMPlusPlus", "GradCAM", "GradCAMElementWise", "HiResCAM", "LayerCAM", "XGradCAM", "SegEigenCAM", "FEM"),
    "ScoreCAM",
)
"""Those of :mod:`htl_monai.localization.cam_methods`."""
FIRST_BUNDLE = "lesion_localization"
"""The bundle of a run whose record names none: it is older than the others."""

# What version 0.1.0 wrote into its records.
_EARLIER = {
    "features": "${'classical': [64, 128, 256, 512, 1024, 64], 'slim': [32, 32, 64, 128, 256, 32]}[@network_size]",
}
_MOST_CHANNELS, _LONGEST_SIDE = 2048, 4096


def read_model_record(path: Path) -> tuple[Path, dict[str, Any]]:
    """Return the bundle that a checkpoint belongs to, and the config entries of its network and heat maps.

    The record lies beside the weights and may come with them from anywhere. Its values go into a config, where text can
    be code; so the bundle must be one of the package's, and a value a number, a list of numbers or a name. An
    expression passes only where it is, word for word, the bundle's own.

    Args:
        path: a ``provenance.json``. Its ``network`` holds the entries as values; an older one has the configs of the
            run under ``config``, with the bundle's expressions.

    Raises:
        ValueError: the file is damaged, or a value is none that its entry can have; file and entry are named.
    """
    remedy = "correct it, or move the weights into a folder without it"
    record = read_json(path, remedy)
    name, own = record.get("bundle", FIRST_BUNDLE), own_bundles()
    if not isinstance(name, str) or name not in own:
        raise ValueError(f"bundle in {path} must be one of {', '.join(own)}, got {_shown(name)}; {remedy}")
    place = "network" if "network" in record else "config"
    described = record.get(place, {})
    if not isinstance(described, dict):
        raise ValueError(f"{place} in {path} must be an object {{…}}, got {_shown(described)}; {remedy}")
    expressions = read_json(bundle_config(own[name], "train.json"), "install the package again")
    entries: dict[str, Any] = {key: described[key] for key in (*NETWORK, *HEAT_MAPS) if key in described}
    for key, value in entries.items():
        words, holds = _RULES[key]
        if not holds(value) and not _is_own(key, value, expressions):
            raise ValueError(f"{place}.{key} in {path} must be {words}, got {_shown(value)}; {remedy}")
    return own[name], entries


def is_plain_text(value: Any) -> bool:
    """Tell whether a config may hold a value as text: no expression, reference or macro, in whole or in part.

    Example:
        >>> is_plain_text("melanoma (5 %)"), is_plain_text("$1 + 1"), is_plain_text("@network")
        (True, False, False)
    """
    return isinstance(value, str) and not value.startswith(("$", "@", "%")) and not re.search("[@%](#|::)", value)


def _is_own(key: str, value: Any, expressions: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and value in (expressions.get(key), _EARLIER.get(key))


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _are_whole(value: Any, count: int, most: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(_is_whole(item, most) for item in value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\w+(\.\w+)*", value) is not None


def _is_grey_level(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 255


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


_RULES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "network_size": (f"one of {', '.join(NETWORK_SIZES)}", lambda value: value in NETWORK_SIZES),
    "features": (
        f"a list of 6 whole numbers from 1 to {_MOST_CHANNELS}",
        lambda value: _are_whole(value, 6, _MOST_CHANNELS),
    ),
    "feature_channels": (f"a whole number from 1 to {_MOST_CHANNELS}", lambda value: _is_whole(value, _MOST_CHANNELS)),
    "hidden_channels": (f"a whole number from 1 to {_MOST_CHANNELS}", lambda value: _is_whole(value, _MOST_CHANNELS)),
    "spatial_size": (
        f"a list of 2 whole numbers from 1 to {_LONGEST_SIDE}",
        lambda value: _are_whole(value, 2, _LONGEST_SIDE),
    ),
    "cam_method": (f"one of {', '.join(CAM_METHODS)}", lambda value: value in CAM_METHODS),
    "cam_layer": ("the dotted name of a layer, or null", lambda value: value is None or _is_name(value)),
    "cam_threshold": ("a number from 0 to 255", _is_grey_level),
}
