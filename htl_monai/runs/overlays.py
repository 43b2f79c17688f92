"""Lays overlays and single entries upon the configs of a stage."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from htl_monai.data.files import read_json
from htl_monai.models.bundles import bundle_config, find_overlay
from htl_monai.runs.stage import Stage

__all__ = ["applicable", "check_all_apply", "collect_changes", "entry_values", "merged_config", "refuse_fixed"]


def collect_changes(overlays: Sequence[str], seed: int | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config entries that overlays, seed and settings replace; later ones win.

    Args:
        overlays: see :func:`~htl_monai.models.bundles.find_overlay`. They are code, as are the settings.
        seed: replaces the configs' seed; None leaves it.
        settings: single entries; a device may be given by its name, such as ``cpu``.

    Raises:
        FileNotFoundError: an overlay is not there.
        ValueError: two words for one thing: the seed twice, or a size of the network and its features.
    """
    if seed is not None and settings.get("seed", seed) != seed:
        raise ValueError(f"seed must be given once, got {seed} and {settings['seed']} in set; leave one of them out")
    if {"network_size", "features"} <= settings.keys():
        raise ValueError("network_size must be left out where features are set, which say more; leave one of them out")
    changes: dict[str, Any] = {}
    for name in overlays:
        path = find_overlay(name)
        read_json(path, "correct the overlay")
        changes.update(ConfigParser.load_config_file(str(path)))  # which also looks for keys given twice
    if seed is not None:
        changes["seed"] = seed
    changes.update(settings)
    device = changes.get("device")
    if isinstance(device, str) and not device.startswith("$"):
        changes["device"] = f"$torch.device({device!r})"
    return changes


def merged_config(bundle: Path, stage: Stage, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage's configs as one, with those changes that apply to it and what the stage fixes."""
    parser = ConfigParser(ConfigParser.load_config_files([str(bundle_config(bundle, name)) for name in stage.configs]))
    parser.update(applicable({**changes, **stage.settings}, parser.get()))
    return parser.get()


def entry_values(config: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return those of some entries that a config has, as values where they are expressions; the config stays."""
    parser = ConfigParser(deepcopy(dict(config)))
    return {name: parser.get_parsed_content(name) for name in names if name in config}


def applicable(changes: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of entries that a stage's config has; another stage may have the others."""
    return {key: value for key, value in changes.items() if _applies(key, config)}


def _applies(key: str, config: Any) -> bool:
    """Tell whether ``key`` is an entry of ``config``, or may be set inside one (``train#dataset#num_workers``)."""
    *folders, last = key.replace("::", "#").split("#")
    for name in folders:
        if isinstance(config, list) and name.isdigit() and int(name) < len(config):
            config = config[int(name)]
        elif isinstance(config, Mapping) and name in config:
            config = config[name]
        else:
            return False
    return bool(folders) or (isinstance(config, Mapping) and last in config)


def refuse_fixed(changes: Mapping[str, Any], fixed: Mapping[str, str]) -> None:
    """Refuse a change of an entry that is not the user's to set, instead of passing over it.

    Args:
        changes: what the user wants.
        fixed: such entries, and what to do instead.

    Raises:
        ValueError: names the entry.
    """
    for key in [key for key in changes if key in fixed]:
        raise ValueError(f"{key} must not be set, got {changes[key]!r}, because the command sets it; {fixed[key]}")


def check_all_apply(changes: Mapping[str, Any], merged: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a change that applies to no stage: it would do nothing.

    Raises:
        KeyError: names the entry and those like it.
    """
    for key in changes:
        if not any(_applies(key, config) for config in merged.values()):
            known = sorted({name for config in merged.values() for name in config})
            near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"the configs have {', '.join(known)}"
            raise KeyError(f"{key} must be an entry of the configs, which have none of that name; {hint}")
