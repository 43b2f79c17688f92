"""Checks the settings in a bundle's configs before anything runs: each alone against a schema, then together."""

from __future__ import annotations

import difflib
import importlib.util
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import torch

from htl_monai.ranking.selection import wrong_amount
from htl_monai.settings.setting_rules import SCHEMA, against_rules, rule_in_words

__all__ = ["require_good_settings", "wrong_settings"]

_EXPRESSIONS = ("$", "@", "%")
# How overlays.collect_changes writes a device that is given by its name.
_DEVICE = re.compile(r"(?:\$torch\.device\(')?([^$@%']+)(?:'\))?")


def require_good_settings(config: Mapping[str, Any]) -> None:
    """Refuse a config whose settings are wrong.

    Raises:
        ValueError: a sentence a line for all that is wrong.
    """
    problems = wrong_settings(config)
    if problems:
        raise ValueError("\n".join(problems))


def wrong_settings(config: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each setting that is wrong, alone or beside the others.

    Args:
        config: the top-level entries of a config, or of several as one. Those that the schema does not have, and
            expressions, references and components (``_target_``), are taken as they are.

    Example:
        >>> wrong_settings({"max_epochs": "one", "batch_size": "@max_epochs", "loss": "any"})
        ["max_epochs must be a whole number from 1, got 'one'; write 40, for example"]
    """
    plain = {name: value for name, value in config.items() if name in SCHEMA["properties"] and _is_plain(value)}
    wrong = against_rules(plain)
    good = {name: value for name, value in plain.items() if name not in wrong}
    sentences = [_sentence(name, plain[name]) for name in wrong]
    return [*sentences, *_wrong_together(good), *_wrong_device(config), *_missing_packages(good)]


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return not value.startswith(_EXPRESSIONS)
    if isinstance(value, Mapping):
        return "_target_" not in value
    return not isinstance(value, list) or all(_is_plain(part) for part in value)


def _sentence(name: str, value: Any) -> str:
    rule, hint = SCHEMA["properties"][name], ""
    if "enum" in rule:
        near = difflib.get_close_matches(str(value), rule["enum"], n=1)
        hint = f"; did you mean {near[0]}?" if near else "; choose one of them"
    elif "examples" in rule:
        hint = f"; write {json.dumps(rule['examples'][0])}, for example"
    return f"{name} must be {rule_in_words(name)}, got {value!r}{hint}"


def _wrong_together(settings: Mapping[str, Any]) -> list[str]:
    checks = [_wrong_sparsity(settings, name) for name in ("sparsity", "pie_sparsity")]
    checks += [_wrong_amount(settings, before) for before in ("", "labelled_")]
    checks += [_wrong_milestones(settings, before) for before in ("", "finetune_")]
    checks.append(_wrong_channels(settings))
    return [problem for problem in checks if problem is not None]


def _wrong_sparsity(settings: Mapping[str, Any], name: str) -> str | None:
    mined, wanted = settings.get("sparsities", []), settings.get(name)
    if not mined or wanted is None or any(math.isclose(wanted, one, abs_tol=1e-8) for one in mined):
        return None
    known = ", ".join(f"{one:g}" for one in mined)
    return f"{name} must be one of sparsities, {known}, got {wanted:g}; choose one of them, or add it to sparsities"


def _wrong_amount(settings: Mapping[str, Any], before: str) -> str | None:
    rule, amount = settings.get(f"{before}rule"), settings.get(f"{before}amount")
    return None if rule is None or amount is None else wrong_amount(rule, amount, before)


def _wrong_milestones(settings: Mapping[str, Any], before: str) -> str | None:
    milestones = list(settings.get(f"{before}milestones", []))
    if milestones == sorted(set(milestones)):
        return None
    return f"{before}milestones must rise, got {milestones}; write the epochs in order, each once"


def _wrong_channels(settings: Mapping[str, Any]) -> str | None:
    mean, std = settings.get("mean", [0.0]), settings.get("std", [1.0])
    if len(mean) == len(std) or not {"mean", "std"} <= settings.keys():
        return None
    return f"mean and std must have one number a channel each, got {mean} and {std}; give as many of both"


def _wrong_device(config: Mapping[str, Any]) -> list[str]:
    found = _DEVICE.fullmatch(str(config.get("device", "")))
    if not found:
        return []
    try:
        device = torch.device(found[1])
    except RuntimeError:
        return [f"device must be cpu, cuda or cuda:N, got {found[1]!r}; choose one of them"]
    count = torch.cuda.device_count()
    if device.type != "cuda" or (device.index or 0) < count:
        return []
    return [f"device must be one of this machine's, got {found[1]!r} where torch finds {count} of CUDA; write cpu"]


def _missing_packages(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} must be false where the package {name} is not installed, got true; pip install 'htl-monai[tracking]'"
        for name in ("tensorboard", "mlflow")
        if settings.get(name) and importlib.util.find_spec(name) is None
    ]
