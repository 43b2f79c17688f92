"""Tables of scores: one row per image, or one row per image and sparsity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.ranking.hardness import forgetting, hardness, hardness_rank, is_never_learned, relative_forgetting

__all__ = ["forgetting_table", "rows_of", "score_table"]

_FILES = ("image", "label")
# An edge of a box: a fraction of the picture, or pixels of the original image.
_BOX_EDGES = ("x_min", "x_min_px")


def score_table(
    data: Sequence[Mapping[str, Any]], ids: Sequence[str], scores: Mapping[str, NDArray[np.float64]]
) -> pd.DataFrame:
    """Join scores with the metadata of their images.

    Args:
        data: the data list that was scored; its order is the order of the rows.
        ids: the id of each scored image, in any order; an id that a distributed sampler repeated counts once.
        scores: arrays of shape ``(len(ids),)`` by name.

    Returns:
        One row for each scored image: ``id``, its metadata (no file names), the scores.

    Raises:
        ValueError: an image of the data list was not scored; its id is named.
    """
    rows = rows_of(data, ids)
    table = _metadata(data)
    for name, values in scores.items():
        table[name] = np.asarray(values, dtype=np.float64)[rows]
    return table


def forgetting_table(
    data: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
    dense: Mapping[str, NDArray[np.float64]],
    pruned: Mapping[str, NDArray[np.float64]],
    sparsities: Sequence[float],
    score: str = "foreground_iou",
    of_images: Mapping[str, NDArray[np.float64]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Lay out what every image lost at every sparsity (Attend Who is Weak, Algorithm 1, line 4).

    Args:
        data: the data list that was mined; its order is the order of the rows.
        ids: the id of each mined image, in any order; a repeated id counts once.
        dense: scores of the dense network, ``(len(ids),)`` by name.
        pruned: scores of the pruned network, ``(len(ids), len(sparsities))`` by name.
        sparsities: the fractions of weights removed.
        score: the score whose drop is the forgetting.
        of_images: what no network changes, such as the share of the image that is lesion, ``(len(ids),)`` by name.

    Returns:
        One row for each image and sparsity: ``id``, metadata, the columns of ``of_images``, ``sparsity``,
        ``<score>_dense`` and ``<score>_pruned`` for each score, ``forgetting`` (absolute, higher = harder),
        ``forgetting_relative`` (share of the dense score that is lost; NaN where that is 0), ``never_learned`` (see
        :mod:`htl_monai.ranking.hardness`) and ``rank`` (1 = hardest at this sparsity: those never learned, then by
        falling relative forgetting; ties in the order of the data list). Scores are NaN, and the rank is missing, where
        there is nothing to measure.

    Raises:
        KeyError: ``score`` is none of the scores.
        ValueError: an image of the data list was not mined; its id is named.
    """
    if score not in dense:
        raise KeyError(f"score must be one of {', '.join(dense)}, got {score!r}; name a score that is measured")
    rows = rows_of(data, ids)
    n_sparsities = len(sparsities)
    table = _metadata(data)
    for name, values in of_images.items():
        table[name] = np.asarray(values, dtype=np.float64)[rows]
    table = table.loc[table.index.repeat(n_sparsities)].reset_index(drop=True)
    table["sparsity"] = np.tile(np.asarray(sparsities, dtype=np.float64), len(data))
    for name in dense:
        table[f"{name}_dense"] = np.repeat(np.asarray(dense[name], dtype=np.float64)[rows], n_sparsities)
        table[f"{name}_pruned"] = np.asarray(pruned[name], dtype=np.float64)[rows].reshape(-1)
    before, after = table[f"{score}_dense"], table[f"{score}_pruned"]
    table["forgetting"] = forgetting(before, after)
    table["forgetting_relative"] = relative_forgetting(before, after)
    edge = next((table[f"{name}_dense"] for name in _BOX_EDGES if name in dense), None)
    table["never_learned"] = is_never_learned(before, edge)
    hard = pd.Series(hardness(table["forgetting_relative"], table["never_learned"]))
    table["rank"] = hard.groupby(table["sparsity"]).transform(hardness_rank).astype("Int64")
    return table


def rows_of(data: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> NDArray[np.intp]:
    """Return where each image of a data list stands among scored ids.

    Args:
        data: the data list, with ``id``.
        ids: in any order; of one that a distributed sampler repeated, the last counts.

    Raises:
        ValueError: an image of the data list is not among the ids; it is named.
    """
    position = {id_: row for row, id_ in enumerate(ids)}
    missing = [item["id"] for item in data if item["id"] not in position]
    if missing:
        raise ValueError(
            f"ids must cover the data list, got none for {len(missing)} images, first {missing[0]}; "
            "score the same list that is joined"
        )
    return np.array([position[item["id"]] for item in data], dtype=np.intp)


def _metadata(data: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    columns = list(dict.fromkeys(key for item in data for key in item if key not in _FILES))
    return pd.DataFrame({column: [item.get(column) for item in data] for column in columns})
