"""The note ``run.json`` of a run, which says what it consists of; and what its folder shows where there is no note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from htl_monai.data.files import read_json, read_note, write_json
from htl_monai.runs import layout

__all__ = ["RunNote", "read_run_note"]

_TEXTS = {"type": "array", "items": {"type": "string"}}
_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["stages", "arms", "mined"],
        "properties": {
            "setting": {"type": "string"},
            "meaning": {"type": "string"},
            "data": {"type": "string"},
            "bundle": {"type": "string"},
            "arms": {"type": "object", "additionalProperties": {"type": "string"}},
            "reference": {"type": "string"},
            "mined": _TEXTS,
            "stages": _TEXTS,
            "sparsity": {"type": "number", "minimum": 0, "maximum": 1},
        },
    }
)


@dataclass(frozen=True)
class RunNote:
    """What a run consists of.

    Args:
        stages: every stage, by its folder below the run's, in order.
        arms: what each arm that is compared is for, by its name.
        mined: the stages that mined what the report is on.
        setting: its name; empty where it is unknown, as are the following.
        meaning: what the setting is for.
        data: the data set as the user named it.
        bundle: the bundle's name.
        reference: the arm that the others are held against.
        sparsity: at which groups are summarised.
    """

    stages: Sequence[str]
    arms: Mapping[str, str] = field(default_factory=dict)
    mined: Sequence[str] = ()
    setting: str = ""
    meaning: str = ""
    data: str = ""
    bundle: str = ""
    reference: str = ""
    sparsity: float = 0.7

    def write(self, folder: Path) -> None:
        """Write the note into a run's folder, unless it says so already."""
        path, note = folder / layout.RUN_NOTE, dict(vars(self))
        if read_note(path) != note:
            write_json(path, note)


def read_run_note(folder: Path) -> RunNote:
    """Return the note of a run; without one what the folders of its stages show.

    Raises:
        ValueError: the note is damaged.
    """
    path = folder / layout.RUN_NOTE
    if not path.is_file():
        return _from_folders(folder)
    content = read_json(path, "run again, or remove it")
    for fault in _SCHEMA.iter_errors(content):
        where = "/".join(map(str, fault.absolute_path)) or "it"
        raise ValueError(f"{path} must say what a run consists of, got in {where}: {fault.message}; remove it")
    return RunNote(**{name: value for name, value in content.items() if name in RunNote.__dataclass_fields__})


def _from_folders(folder: Path) -> RunNote:
    started = sorted({*folder.glob("*/started.json"), *folder.glob("seed_*/*/started.json")})
    scored = sorted({*folder.glob("*/scores.nc"), *folder.glob("seed_*/*/scores.nc")})
    stages = list(dict.fromkeys(path.parent.relative_to(folder).as_posix() for path in (*started, *scored)))
    names = list(dict.fromkeys(stage.split("/")[-1] for stage in stages))
    arms: dict[str, Any] = {n.removeprefix("evaluating_"): "" for n in names if n.startswith("evaluating_")}
    return RunNote(stages, arms, [name for name in names if name.startswith("mining")])
