"""Tries every condition on a table, and every pair of conditions, for where a number is larger than elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import false_discovery_control

from htl_monai.analysis.groups import NO_GROUPS, groups_of

_SIGNS = {"is": "=", "at_most": "≤", "above": ">"}
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_FALSE_SHARE = 0.2  # of the slices that are worth a second look, so many may be chance
_ADDS = 2.0  # standard errors that each of two conditions must add to the other
_OVERLAP = 0.5  # share of the smaller of two slices from which they are the same
_MOST_KEPT = 10
_MOST_CONDITIONS = 300  # makes 45,000 pairs


class Condition(NamedTuple):
    """A value of a column, or one end of a range of its numbers; as a string, in words."""

    column: str
    relation: str
    value: Any

    def __str__(self) -> str:
        value = self.value if self.relation == "is" else f"{self.value:g}"
        return f"{self.column.replace('_', ' ')} {_SIGNS[self.relation]} {value}"


def conditions_of(table: pd.DataFrame, columns: Iterable[Hashable]) -> tuple[list[Condition], NDArray[np.bool_]]:
    """Return the conditions on the columns and which images meet each, ``(K, N)``."""
    found: dict[bytes, tuple[Condition, NDArray[np.bool_]]] = {}
    for name in map(str, columns):
        if name not in table or name in NO_GROUPS:
            continue
        for condition, mask in _of_column(table[name]):
            found.setdefault(mask.tobytes(), (condition, mask))  # the same images once
    conditions = [condition for condition, _ in found.values()]
    return conditions, np.array([mask for _, mask in found.values()], dtype=bool).reshape(len(found), len(table))


def _of_column(column: pd.Series) -> list[tuple[Condition, NDArray[np.bool_]]]:
    name = str(column.name)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        groups = groups_of(column)
        names = [] if groups is None else groups.cat.categories.tolist()
        return [(Condition(name, "is", value), (groups == value).to_numpy()) for value in names]
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    quantiles = np.quantile(known, _QUANTILES, method="inverted_cdf") if len(known) else []
    edges = dict.fromkeys(float(f"{edge:.3g}") for edge in quantiles)
    return [
        (Condition(name, relation, edge), numbers <= edge if relation == "at_most" else numbers > edge)
        for edge in edges
        for relation in ("at_most", "above")
    ]


def search(
    badness: NDArray[np.float64], masks: NDArray[np.bool_], max_conditions: int, min_size: int
) -> list[tuple[int, ...]]:
    """Return the places of the conditions of each slice that is worth a second look, the surest first."""
    n_images, n_all = len(badness), len(masks)
    if not n_all or n_images < 2 * min_size:
        return []
    member, centred = masks.astype(np.float32), (badness - badness.mean()).astype(np.float32)
    first = np.arange(n_all)
    if n_all > _MOST_CONDITIONS:
        t = _t_of(member.sum(axis=1), member @ centred, centred)[0]
        first = np.sort(np.argsort(-np.nan_to_num(t), kind="stable")[:_MOST_CONDITIONS])
        member = member[first]
    counts, sums = member @ member.T, (member * centred) @ member.T  # of pairs; the diagonal is of single conditions
    t, spread = _t_of(counts, sums, centred)
    single = np.eye(len(first), dtype=bool)
    tried = (counts >= min_size) & (counts <= n_images - min_size) & np.isfinite(t)
    one, other = np.nonzero(np.triu(tried) if max_conditions == 2 else tried & single)
    if not len(one):
        return []
    p_values = stdtr(n_images - 2, -t[one, other])
    adds = _added(counts, sums, spread)
    simple = single | ((adds > _ADDS) & (adds.T > _ADDS))
    worth = np.nonzero((false_discovery_control(p_values) <= _FALSE_SHARE) & simple[one, other])[0]
    worth = worth[np.argsort(p_values[worth], kind="stable")]
    kept: list[tuple[tuple[int, ...], NDArray[np.bool_]]] = []
    for place in worth:
        places = tuple(dict.fromkeys((int(first[one[place]]), int(first[other[place]]))))
        inside = np.asarray(masks[list(places)].all(axis=0))
        if all((inside & seen).sum() <= _OVERLAP * min(inside.sum(), seen.sum()) for _, seen in kept):
            kept.append((places, inside))
        if len(kept) == _MOST_KEPT:
            break
    return [places for places, _ in kept]


def _t_of(
    counts: NDArray[np.float32], sums: NDArray[np.float32], centred: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Student's t of slices against their rest, of one variance, and the spread within them."""
    n, total = len(centred), sums.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = total**2 * (1 / counts + 1 / (n - counts))
        spread = np.sqrt(np.maximum(float((centred**2).sum()) - between, 0) / (n - 2))
        gap = total / counts + total / (n - counts)
        return gap / (spread * np.sqrt(1 / counts + 1 / (n - counts))), spread


def _added(counts: NDArray[np.float32], sums: NDArray[np.float32], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far, in standard errors, condition j makes the images of condition i worse: ``(K, K)``."""
    rest, rest_sums = counts.diagonal()[:, None] - counts, sums.diagonal()[:, None] - sums
    with np.errstate(divide="ignore", invalid="ignore"):
        added = (sums / counts - rest_sums / rest) / (spread * np.sqrt(1 / counts + 1 / rest))
    return np.nan_to_num(added, nan=-np.inf)
