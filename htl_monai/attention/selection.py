"""Writes what each arm chose, and reads it again."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from htl_monai.attention.choice import Choice
from htl_monai.attention.pool import Pool
from htl_monai.data.files import read_json, write_csv, write_json
from htl_monai.ranking.rank_all import rank_all
from htl_monai.ranking.ranking import Ranking
from htl_monai.ranking.registry import rankings

__all__ = ["LABELLED", "Selection", "ranking_of", "read_selection", "write_selections"]

LABELLED = ("none", "htl", "all")


@dataclass(frozen=True)
class Selection:
    """What an arm chose.

    Args:
        data: the chosen images, hardest first.
        hardness: of every image that the arm chose from, by id; infinite = never learned.
        rule: how they were chosen.
    """

    data: list[dict[str, Any]]
    hardness: Mapping[str, float]
    rule: Mapping[str, Any]


def write_selections(
    pool: Pool,
    arms: Mapping[str, Mapping[str, Any]],
    out_dir: str | os.PathLike[str],
    choice: Choice,
    labelled: str = "none",
    labelled_pool: Pool | None = None,
    labelled_choice: Choice | None = None,
) -> dict[str, dict[str, int]]:
    """Write a file for each arm, and ``ranking.csv`` of the images that they choose from.

    Args:
        pool: what is chosen from.
        arms: of each arm, in which fields its :class:`~htl_monai.attention.choice.Choice` differs from ``choice``.
        out_dir: the folder of the files; paths of pseudo-labels in them are relative to it.
        choice: how an arm chooses that says nothing of its own.
        labelled: where ``pool`` has no masks: ``none`` takes its images only, as Attend Who is Weak; ``htl`` adds as
            many labelled images as each arm chooses of those by ``labelled_choice``; ``all`` adds them all.
        labelled_pool: the labelled images; read where ``labelled`` is not ``none``.
        labelled_choice: as ``choice``, for the labelled images.

    Returns:
        Of each arm, ``n_selected`` (of ``pool``), ``n_total`` (mined), ``n_never_learned``, ``n_unmeasured`` (nothing
        to measure, never chosen), and what ``pool`` counts.

    Raises:
        ValueError: ``labelled`` is another word, ``never_learned`` does not fit it, a ranking cannot be made, or
            nothing is chosen.
    """
    if labelled not in LABELLED:
        raise ValueError(f"labelled must be one of {', '.join(LABELLED)}, got {labelled!r}; choose one of them")
    contents: dict[str, dict[str, Any]] = {}
    for arm, changes in arms.items():
        own, added = choice.of_arm(changes), list[dict[str, Any]]()
        if labelled_pool is not None:
            if own.never_learned != "exclude" and labelled != "htl":
                raise ValueError(
                    f"never_learned must be exclude where no labelled images are chosen, got {own.never_learned!r}; set"
                    " labelled to htl, because an image without mask that was never learned has no pseudo-label to "
                    "train on"
                )
            own = replace(own, never_learned="exclude")
            added = _added(labelled_pool, labelled, labelled_choice or Choice(), changes)
        more = {} if labelled_pool is None else {"n_labelled": len(added)}
        contents[arm] = _content(pool, own, choice.of_arm(changes), Path(out_dir), added, more)
    table = rank_all(pool.scores, by=choice.made(pool.scores))
    counts = {arm: {k: v for k, v in content.items() if k.startswith("n_")} for arm, content in contents.items()}
    for arm, content in contents.items():
        table[f"in_{arm}"] = table["id"].isin({item["id"] for item in content["data"]})
        write_json(Path(out_dir) / f"{arm}.json", content)
        logging.getLogger(__name__).info("%s: %s", arm, ", ".join(f"{k} {v}" for k, v in counts[arm].items()))
    write_csv(Path(out_dir) / "ranking.csv", table)
    return counts


def read_selection(path: str | os.PathLike[str]) -> Selection:
    """Read what an arm chose; a relative mask path is one from the file's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no selection.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"selection {path} does not exist; run the stage selecting or correct the path")
    content = read_json(path, "run the stage selecting again")
    if not isinstance(content.get("data"), list) or not all(isinstance(item, dict) for item in content["data"]):
        raise ValueError(f"selection {path} must hold a data list under 'data'; give a file of the stage selecting")
    folder = Path(path).absolute().parent
    data = [
        item | ({"label": os.path.normpath(folder / item["label"])} if isinstance(item.get("label"), str) else {})
        for item in content["data"]
    ]
    hardness = {id_: float(value) for id_, value in content.get("hardness", {}).items()}
    hardness |= dict.fromkeys(content.get("never_learned", []), np.inf)
    return Selection(data, hardness, content.get("rule", {}))


def ranking_of(path: str | os.PathLike[str]) -> Ranking:
    """Return the ranking by which an arm chose, with its options.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it names no ranking.
    """
    rule, known = read_selection(path).rule, rankings()
    if rule.get("ranking") not in known:
        raise ValueError(f"selection {path} must name a ranking, got {rule.get('ranking')!r}; run the stage selecting")
    return known[rule["ranking"]](**rule.get("options", {}))


def _content(
    pool: Pool, own: Choice, said: Choice, folder: Path, added: list[dict[str, Any]], more: Mapping[str, int]
) -> dict[str, Any]:
    """Return what the file of an arm holds that chooses so, and that said so."""
    ids, counted = own.ids(pool.scores), said.counted(pool.scores)(pool.scores)
    values = dict(zip(pool.items, said.made(pool.scores)(pool.scores).tolist(), strict=True))
    return {
        "rule": said.described(pool.scores),
        "n_selected": len(ids),
        "n_total": len(counted) + sum(pool.counts.values()),
        "n_never_learned": int(np.isinf(counted).sum()),
        "n_unmeasured": int(np.isnan(counted).sum()),
        **pool.counts,
        **more,
        **pool.sources,
        "data": [_portable(pool.items[id_], folder) for id_ in ids] + added,
        "hardness": {id_: value for id_, value in values.items() if np.isfinite(value)},
        "never_learned": [id_ for id_, value in values.items() if value == np.inf],
    }


def _added(pool: Pool, labelled: str, choice: Choice, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the labelled images that an arm adds."""
    if labelled == "none":
        return []
    own = choice.of_arm({name: value for name, value in changes.items() if name not in ("rule", "amount")})
    ids = list(pool.items) if labelled == "all" else own.ids(pool.scores)
    return [{**pool.items[id_], "pseudo": False} for id_ in ids]


def _portable(item: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return an item whose pseudo-label is found wherever the run's folder is moved to."""
    return {**item, **({"label": os.path.relpath(item["label"], folder.absolute())} if item.get("pseudo") else {})}
