"""The table of all cases: what each scored, how hard it is by every ranking, and what is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from xarray import Dataset

from htl_monai.analysis.groups import grouping
from htl_monai.data.files import read_table
from htl_monai.ranking.rank_all import rank_all, rankings_at
from htl_monai.ranking.ranking import over_seeds
from htl_monai.ranking.registry import ranking_named, rankings
from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import label_of, percent
from htl_monai.runs import layout
from htl_monai.scores import at_level, has_labels, of_samples

__all__ = ["Cases", "Column", "cases_of", "primary_of"]

_MOST_GROUPS = 40
_SHOWN_GROUPS = 3
_FILES = ["image", "mask"]


@dataclass(frozen=True)
class Column:
    """One column of the table as the page shows it.

    Args:
        name: its name among the values.
        label: what stands above it.
        kind: ``text``, ``group`` (few values, which one filters by) or ``number``.
        hint: what it means.
        digits: behind the decimal point.
        show: whether it is there before anybody asks for it.
    """

    name: str
    label: str
    kind: str = "number"
    hint: str = ""
    digits: int = 2
    show: bool = False


@dataclass(frozen=True)
class Cases:
    """All cases, hardest first.

    Args:
        table: one row a case, by the names of ``columns``; where there are, also the paths ``image`` and ``mask``.
        columns: in the order in which they are shown.
        ranking: the ranking of that order; empty where there is none.
    """

    table: pd.DataFrame
    columns: tuple[Column, ...]
    ranking: str

    def content(self) -> dict[str, Any]:
        """Return the part ``cases`` of a report's content."""
        values = {column.name: [_plain(value) for value in self.table[column.name]] for column in self.columns}
        return {"n": len(self.table), "columns": [asdict(column) for column in self.columns], "values": values}


def primary_of(found: Found) -> dict[str, Any]:
    """Return which column of the cases counts first, and what it is called."""
    scores = found.main if found.main is not None else next(iter(found.scored.values()), None)
    if scores is None:
        return {}
    name = str(scores.attrs["primary"])
    column = name if has_labels(scores) else f"{name}_pruned"
    return {"name": column, "label": label_of(name), "higher_is_better": name != "taxicab"}


def cases_of(found: Found, by: str | None = None) -> Cases:
    """Return the images that were mined, and those that the arms were scored on, with properties of their pictures.

    Args:
        found: what there is.
        by: the ranking that orders the images that the report is on; by default the first that can be made.

    Raises:
        KeyError: there is no such ranking.
        ValueError: it cannot be made of these scores, or nothing is mined yet.
    """
    if by is not None and not found.mined:
        name = ranking_named(by).name
        raise ValueError(
            f"by must be left out of {found.folder}, got {name}; nothing is mined there that it could rank"
        )
    columns: dict[str, Column] = {}
    parts: list[pd.DataFrame] = []
    ranking = ""
    for scores in _distinct(found.mined.values()):
        part, order = _mined(scores, found, by if not parts else None, columns)
        ranking = ranking or order
        parts.append(part if not parts else part.drop(columns="rank", errors="ignore"))
    parts += [_scored(arm, scores, columns) for arm, scores in found.scored.items()]
    table = (
        pd.concat(parts).groupby(level=0, sort=False).first() if parts else pd.DataFrame(index=pd.Index([], name="id"))
    )
    if found.items:
        table["split"] = [found.items[id_][0] if id_ in found.items else None for id_ in table.index]
    properties = _properties(found)
    table = table.join(properties[properties.columns.difference(table.columns, sort=False)])
    groups = grouping(table, table.columns.difference([*columns], sort=False))
    table = table.join(groups[groups.columns.difference(table.columns)].astype(object))  # ages in their bins
    table = table.rename_axis("id").reset_index()
    of_data = [_described(table[name]) for name in map(str, table) if name not in (*columns, *_FILES)]
    return Cases(table, tuple(_in_order([*columns.values(), *of_data], ranking)), ranking)


def _properties(found: Found) -> pd.DataFrame:
    """Return what was measured of the pictures, by id; nothing where they were not looked at."""
    path = found.folder / layout.PROPERTIES
    table = read_table(path) if path.is_file() else pd.DataFrame({"id": []}, dtype=str)
    if "id" not in table or table["id"].duplicated().any():
        raise ValueError(f"{path} must have one row an id, got {list(table.columns)}; make the pictures anew")
    return table.set_index("id")


def _distinct(mined: Iterable[Dataset]) -> list[Dataset]:
    """Return the first scores of every set of images."""
    by_images = {frozenset(scores.indexes["sample"]): scores for scores in reversed([*mined])}
    return [*by_images.values()][::-1]


def _mined(scores: Dataset, found: Found, by: str | None, columns: dict[str, Column]) -> tuple[pd.DataFrame, str]:
    """Return the rows of one mining by id, with every ranking, and which one orders them."""
    made = rankings_at(scores, found.level if found.main is scores else None)
    if by is not None and by not in made:
        ranking_named(by)(scores)  # says why it cannot be made
    table = rank_all(scores, made.get(by) if by else None, list(made.values())) if made else _bare(scores)
    order = str(table["ranked_by"].iloc[0]) if made and len(table) else ""
    table = table.drop(columns="ranked_by", errors="ignore").set_index("id")
    _describe_scores(scores, made, columns)
    primary = str(scores.attrs["primary"])
    if found.level is not None and "rank" in table:
        level = float(scores["level"].values[np.abs(scores["level"].values - found.level).argmin()])
        table[f"{primary}_pruned"] = pd.Series(_means(scores, level), index=scores["sample"].values)
        hint = f"{label_of(primary)} when {percent(level)} of the weights are removed"
        columns[f"{primary}_pruned"] = Column(
            f"{primary}_pruned", f"{label_of(primary)}, {percent(level)} pruned", hint=hint, show=True
        )
    for name, values in _by_class(scores).items():
        table[name] = values
        columns.setdefault(name, Column(name, label_of(name), hint="of the unpruned network"))
    if "label" in scores and "labels" not in table:
        table["labels"] = _labels(scores)
    return table, order


def _describe_scores(scores: Dataset, made: Mapping[str, Any], columns: dict[str, Column]) -> None:
    primary = str(scores.attrs["primary"])
    columns.setdefault("rank", Column("rank", "rank", hint="1 = hardest", digits=0, show=True))
    if has_labels(scores):
        hint = f"{label_of(primary)} of the unpruned network"
        columns.setdefault(primary, Column(primary, label_of(primary), hint=hint, show=True))
    for name in made:
        columns.setdefault(name, Column(name, label_of(name), hint=f"{rankings()[name].meaning} Higher = harder."))


def _scored(arm: str, scores: Dataset, columns: dict[str, Column]) -> pd.DataFrame:
    """Return the rows of the test images by id, with what an arm's network scored."""
    primary = str(scores.attrs["primary"])
    name = primary if arm == "dense" else f"{primary}_{arm}"
    label = label_of(primary) if arm == "dense" else f"{label_of(primary)}, {label_of(arm)}"
    columns.setdefault(name, Column(name, label, hint=f"{label_of(primary)} of the network {arm}", show=True))
    return _bare(scores).set_index("id").assign(**{name: _means(scores, float(scores["level"].values[0]))})


def _bare(scores: Dataset) -> pd.DataFrame:
    from htl_monai.scores import metadata_of

    return metadata_of(scores, files=True)


def _means(scores: Dataset, level: float) -> np.ndarray:
    return np.asarray(over_seeds(of_samples(at_level(scores, level))).values, dtype=np.float64)


def _by_class(scores: Dataset) -> dict[str, pd.Series]:
    """Return the primary score of each class where several count."""
    name, classes = str(scores.attrs["primary"]), scores.attrs["foreground"]
    if "class" not in scores[name].dims or len(classes) < 2 or not has_labels(scores):
        return {}
    dense = over_seeds(at_level(scores, 0.0)[name])
    index = scores["sample"].values
    return {f"{name}_{one}": pd.Series(dense.sel({"class": one}).values, index=index) for one in classes}


def _labels(scores: Dataset) -> pd.Series:
    """Return which classes each image is labelled with."""
    given, names = over_seeds(scores["label"]).values == 1, scores.indexes["class"].to_numpy(dtype=object)
    return pd.Series([", ".join(names[row]) for row in given], index=scores["sample"].values, dtype=object)


def _described(values: pd.Series) -> Column:
    """Say what a column of the metadata is."""
    name = str(values.name)
    if name == "id":
        return Column("id", "case", "text", show=True)
    known = values.dropna()
    if _is_number(known):
        whole = bool((known.astype(float) % 1 == 0).all())
        return Column(name, label_of(name), digits=0 if whole else 3)
    n = known.map(_plain).map(str).nunique()
    return Column(name, label_of(name), "group" if 1 <= n <= _MOST_GROUPS and n < len(known) else "text")


def _is_number(known: pd.Series) -> bool:
    kinds = {type(_plain(value)) for value in known.unique()} if len(known) else set()
    return bool(kinds) and kinds <= {int, float}


def _in_order(columns: list[Column], ranking: str) -> list[Column]:
    """Put first, and show, what a person looks for: the case, its rank, scores and hardness, the list, a few groups."""
    shown = {"id": 0, "rank": 1, **{column.name: 2 for column in columns if column.show}, ranking: 3, "split": 4}
    shown |= {"id": 0, "rank": 1, "labels": 5}
    groups = [column.name for column in columns if column.kind == "group" and column.name not in shown]
    shown |= dict.fromkeys(groups[:_SHOWN_GROUPS], 6)
    ordered = sorted(columns, key=lambda column: shown.get(column.name, 7))
    return [Column(**{**asdict(column), "show": column.name in shown}) for column in ordered]


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; what is missing or infinite is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
