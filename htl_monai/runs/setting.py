"""A setting: a bundle and what its runs consist of, as one JSON file says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from htl_monai.attention.arm import Arm
from htl_monai.data.files import read_json
from htl_monai.models.bundles import find_config, own_configs

__all__ = ["Setting", "read_setting", "require_fit", "setting_names"]

_SCHEMA = Draft202012Validator(json.loads((Path(__file__).parent / "setting_schema.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Setting:
    """What the runs of a bundle consist of.

    Args:
        meaning: what it is for.
        bundle: see :func:`~htl_monai.models.bundles.find_bundle`.
        labels: how its data are read: ``masks``, or ``findings`` where images are labelled with several of them.
        arms: its usual arms.
        mined: what is mined, by the stage's name: the ``split``, and the ``configs`` laid over those of all minings.
        choose: ``from`` which minings images are chosen, the first one being that of the images chosen from; the
            ``configs`` laid over those of all choices; whether they are chosen once, ``over_seeds``, and whether these
            images have labels that a network can be scored by, ``labelled``.
        report: the minings that the report is ``on``, the ``configs`` laid over it, the ``tables`` that it writes, and
            the arm that the others are held against: the first of ``reference`` that takes part, else the last one.
        seeds: its usual seeds; none stands for one network, with the seed of the configs.
        baselines: what is scored beside the arms and needs no training.
        entries: config entries that it fixes.
        prepared: what preparing writes beside the data list.
        pseudo_labels: whether images without mask get one, and take part.
        demo: how many ``images`` of each list ``htl demo`` draws and of which ``size``, the ``overlays`` and the number
            of ``seeds``; empty where there is no demo.
    """

    meaning: str
    bundle: str
    labels: str
    arms: tuple[str, ...]
    mined: Mapping[str, Mapping[str, Any]]
    choose: Mapping[str, Any]
    report: Mapping[str, Any]
    seeds: tuple[int, ...] = ()
    baselines: tuple[str, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)
    prepared: tuple[str, ...] = ()
    pseudo_labels: bool = False
    demo: Mapping[str, Any] = field(default_factory=dict)


def setting_names() -> tuple[str, ...]:
    """Return the names of the package's settings."""
    return tuple(own_configs("settings"))


def read_setting(name: str) -> Setting:
    """Read a setting.

    Args:
        name: one of :func:`setting_names`, or the path of a JSON file of the user's: ``./my_setting.json``.

    Raises:
        FileNotFoundError: there is no such setting.
        ValueError: the file is no setting: a line for each fault.
    """
    path = find_config("settings", name)
    content = read_json(path, "correct the setting")
    faults = [
        f"{'/'.join(map(str, fault.absolute_path)) or 'setting'} must fit in {path}, got: {fault.message}; correct it"
        for fault in _SCHEMA.iter_errors(content)
    ]
    if faults:
        raise ValueError("\n".join(faults))
    for key in ("choose/from", "report/on"):
        part, entry = key.split("/")
        if unknown := [name for name in content[part][entry] if name not in content["mined"]]:
            mined = ", ".join(content["mined"])
            raise ValueError(f"{key} in {path} must be among mined, {mined}, got {', '.join(unknown)}; mine it too")
    fields: dict[str, Any] = {key: tuple(part) if isinstance(part, list) else part for key, part in content.items()}
    return Setting(**fields)


def require_fit(arm: Arm, setting: Setting) -> None:
    """Refuse an arm whose policy cannot do with the images that a setting chooses from.

    Raises:
        ValueError: it needs images of one scale.
    """
    if arm.trains and arm.policy.one_scale and setting.pseudo_labels:
        raise ValueError(
            f"arm {arm.name} must take images without mask where they take part, got the policy {arm.policy.name}, "
            "which measures all images on one scale; take finetune, replay or upweight"
        )
