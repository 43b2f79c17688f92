"""Finds what there is in the folder of a run or an audit: scores, tables, records; a report is made of nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from xarray import Dataset

from htl_monai.data.files import read_json, read_note
from htl_monai.data.readers.listing import LISTS, Item
from htl_monai.ranking.forgetting_table import nearest_level
from htl_monai.report.known_tables import OF_AUDIT, read_tables
from htl_monai.report.ranked_run import scores_of
from htl_monai.report.run_note import RunNote, read_run_note
from htl_monai.report.run_scores import same_images
from htl_monai.runs import layout
from htl_monai.scores import has_labels

__all__ = ["Found", "find"]

_BELOW = 0.65


@dataclass(frozen=True)
class Found:
    """What a folder holds; what it lacks is empty.

    Args:
        folder: of a run or an audit.
        note: what a run consists of; of an audit nothing.
        mined: scores of the full and the pruned networks, seeds joined, by stage: the first ones are of the images
            that the report is on.
        scored: scores of the test images by arm.
        tables: by name.
        records: the ``provenance.json`` of the stages that are done, by stage.
    """

    folder: Path
    note: RunNote
    mined: Mapping[str, Dataset]
    scored: Mapping[str, Dataset]
    tables: Mapping[str, pd.DataFrame]
    records: Mapping[str, Mapping[str, Any]]

    @property
    def kind(self) -> str:
        """``audit`` or ``run``."""
        return "audit" if (self.folder / layout.SCORES).is_file() else "run"

    @property
    def main(self) -> Dataset | None:
        """The scores that the cases are ordered by: of a run those that its report is on."""
        return next(iter(self.mined.values()), None)

    @property
    def is_labelled(self) -> bool:
        """Whether these are scored against labels."""
        return self.main is not None and has_labels(self.main)

    @cached_property
    def level(self) -> float | None:
        """The level of compression that forgetting is told at; None where nothing was pruned."""
        if self.main is None or not (self.main["level"].values > 0).any():
            return None
        return nearest_level(self.main, self.note.sparsity)

    @property
    def audited(self) -> Mapping[str, Any]:
        """The options of an audit."""
        config = self.records.get("", {}).get("config")
        options = config.get("audit") if isinstance(config, dict) else None
        return options if isinstance(options, dict) else {}

    @property
    def below(self) -> float:
        """A score under this counts as bad."""
        value = self.audited.get("below")
        return float(value) if isinstance(value, int | float) else _BELOW

    @property
    def unfinished(self) -> list[str]:
        """The stages of a run that are not done; the one that makes the report does not count."""
        return [name for name in self.note.stages if name not in self.records and name != layout.REPORTING]

    @cached_property
    def items(self) -> dict[str, tuple[str, Item]]:
        """The list that each image of a run is on, and its entry there, by its id."""
        path = self.folder / layout.DATA
        content = read_json(path, "run the stage preparing again") if path.is_file() else {}
        lists = {name: content[name] for name in LISTS if isinstance(content.get(name), list)}
        named = [(item, split) for split, items in lists.items() for item in items if isinstance(item, dict)]
        return {str(item["id"]): (split, item) for item, split in named if "id" in item}


def find(folder: str | os.PathLike[str]) -> Found:
    """Find what a report can be made of.

    Raises:
        FileNotFoundError: the folder is none of a run or an audit.
        ValueError: a file in it is damaged; it is named.
    """
    root = Path(folder).resolve()
    if (root / layout.SCORES).is_file():
        records = {"": read_note(root / "provenance.json")} if (root / "provenance.json").is_file() else {}
        return Found(root, RunNote([]), {"audit": scores_of(root)}, {}, read_tables(root, OF_AUDIT), records)
    note = read_run_note(root)
    if not note.stages:
        raise FileNotFoundError(
            f"folder must be that of a run or an audit, got {root}, which has neither stages nor scores; give what "
            "htl run, htl demo or htl audit wrote"
        )
    names = dict.fromkeys(stage.split("/")[-1] for stage in note.stages)
    mined = {name: scores_of(root, name) for name in names if name.startswith("mining") and _is_scored(root, name)}
    scored = {arm: scores_of(root, layout.evaluated(arm)) for arm in _scored_arms(root, note, names)}
    paths = {stage: root / stage / "provenance.json" for stage in note.stages}
    records = {stage: read_note(path) for stage, path in paths.items() if path.is_file()}
    tables = read_tables(root / layout.REPORTING) | read_tables(root / layout.PREPARING, ["skipped"])
    return Found(root, note, _ordered(mined, note), scored, tables, records)


def _is_scored(root: Path, stage: str) -> bool:
    name = f"{stage}/{layout.SCORES}"
    return (root / name).is_file() or bool(layout.seeds_with(root, name))


def _scored_arms(root: Path, note: RunNote, names: Mapping[str, Any]) -> list[str]:
    """Return the arms that were scored, then the models that no training made."""
    prefix = layout.evaluated("")
    known = [*note.arms, *(name.removeprefix(prefix) for name in names if name.startswith(prefix))]
    return [arm for arm in dict.fromkeys(known) if _is_scored(root, layout.evaluated(arm))]


def _ordered(mined: Mapping[str, Dataset], note: RunNote) -> dict[str, Dataset]:
    """Put the images first that the report is on: the last mining of those named that is of other ones than the first.

    As :func:`~htl_monai.report.summary.write_report` does.
    """
    named = [name for name in note.mined if name in mined]
    others = [name for name in named[1:] if not same_images(mined[name], mined[named[0]])]
    return {name: mined[name] for name in dict.fromkeys([*others[-1:], *named, *mined])}
