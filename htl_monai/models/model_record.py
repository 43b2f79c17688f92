"""Reads what a run's record says of a network: values that are checked one by one and never run as expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json
from htl_monai.models.bundles import bundle_config, own_bundles
from htl_monai.settings.setting_rules import against_rules, rule_in_words

__all__ = ["FIRST_BUNDLE", "HEAT_MAPS", "NETWORK", "is_plain_text", "read_model_record"]

NETWORK = ("network_size", "features", "feature_channels", "hidden_channels", "spatial_size")
"""Config entries that tell what network the weights are of."""
HEAT_MAPS = ("cam_method", "cam_layer", "cam_threshold")
"""Config entries that tell how its heat maps are made."""
FIRST_BUNDLE = "lesion_localization"
"""The bundle of a run whose record names none: it is older than the others."""

# What earlier versions wrote into their records.
_TWO_SIZES = "${'classical': [64, 128, 256, 512, 1024, 64], 'slim': [32, 32, 64, 128, 256, 32]}[@network_size]"
_THREE_SIZES = _TWO_SIZES.replace("}", ", 'tiny': [16, 16, 32, 64, 128, 16]}")
_EARLIER = {"features": (_TWO_SIZES, _THREE_SIZES)}


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
        raise ValueError(f"bundle in {path} must be one of {', '.join(own)}, got {name!r:.80}; {remedy}")
    place = "network" if "network" in record else "config"
    described = record.get(place, {})
    if not isinstance(described, dict):
        raise ValueError(f"{place} in {path} must be an object {{…}}, got {described!r:.80}; {remedy}")
    expressions = read_json(bundle_config(own[name], "train.json"), "install the package again")
    entries: dict[str, Any] = {key: described[key] for key in (*NETWORK, *HEAT_MAPS) if key in described}
    for key in against_rules(entries):
        if not _is_own(key, entries[key], expressions):
            wanted = rule_in_words(key)
            raise ValueError(f"{place}.{key} in {path} must be {wanted}, got {entries[key]!r:.80}; {remedy}")
    return own[name], entries


def is_plain_text(value: Any) -> bool:
    """Tell whether a config may hold a value as text: no expression, reference or macro, in whole or in part.

    Example:
        >>> is_plain_text("melanoma (5 %)"), is_plain_text("$1 + 1"), is_plain_text("@network")
        (True, False, False)
    """
    return isinstance(value, str) and not value.startswith(("$", "@", "%")) and not re.search("[@%](#|::)", value)


def _is_own(key: str, value: Any, expressions: Mapping[str, Any]) -> bool:
    return isinstance(value, str) and value in (expressions.get(key), *_EARLIER.get(key, ()))
