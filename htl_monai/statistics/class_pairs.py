"""Quantities of pairs of classes: one class sits in many pairs, so classes are permuted and left out, never pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

FEWEST_CLASSES = 8
"""Below so many classes leaving one out says too little of the spread, and intervals are NaN."""

_ENTRIES_AT_ONCE = 2_000_000
# Permutations that change nothing (of classes that are alike) give the observed value but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ClassPairs:
    """Columns of a table of pairs, for every pair of the classes whose pairs are all measured.

    Args:
        n_classes: how many classes there are.
        values: ``(C (C - 1) / 2,)`` by column, in the order of ``np.triu_indices``.
    """

    n_classes: int
    values: dict[str, NDArray[np.float64]]

    @classmethod
    def from_table(cls, pairs: pd.DataFrame, columns: Sequence[str]) -> ClassPairs:
        """Take columns of a table with one row per pair, ``class_a`` and ``class_b``.

        A permutation needs every pair. Where some are not measured (NaN, or no row), the class with the most of them is
        left out, then the next.

        Raises:
            KeyError: a column is missing.
        """
        missing = [name for name in ("class_a", "class_b", *columns) if name not in pairs]
        if missing:
            raise KeyError(
                f"pairs must have the columns {missing}, got {list(pairs.columns)}; pass those of class_pairs_table"
            )
        names = pd.unique(pd.concat([pairs["class_a"], pairs["class_b"]], ignore_index=True))
        place = {name: number for number, name in enumerate(names)}
        a, b = pairs["class_a"].map(place).to_numpy(int), pairs["class_b"].map(place).to_numpy(int)
        matrices = np.full((len(columns), len(names), len(names)), np.nan)
        for matrix, column in zip(matrices, columns, strict=True):
            matrix[a, b] = matrix[b, a] = pairs[column].to_numpy(dtype=np.float64)
        lacking = np.isnan(matrices).any(axis=0) & ~np.eye(len(names), dtype=bool)
        kept = np.arange(len(names))
        while lacking[np.ix_(kept, kept)].any():
            kept = np.delete(kept, lacking[np.ix_(kept, kept)].sum(axis=0).argmax())
        first, second = np.triu_indices(len(kept), 1)
        return cls(
            len(kept),
            {column: matrix[kept[first], kept[second]] for column, matrix in zip(columns, matrices, strict=True)},
        )

    def permuted(self, values: NDArray[np.float64], n_permutations: int, seed: int) -> Iterator[NDArray[np.float64]]:
        """Yield ``(P, pairs)``, parts of the values after a permutation of the classes; all, if there are few."""
        matrix = np.zeros((self.n_classes, self.n_classes))
        first, second = np.triu_indices(self.n_classes, 1)
        matrix[first, second] = matrix[second, first] = values
        orders = _orders(self.n_classes, n_permutations, seed)
        at_once = max(1, _ENTRIES_AT_ONCE // max(1, len(first)))
        for start in range(0, len(orders), at_once):
            part = orders[start : start + at_once]
            yield matrix.ravel()[part[:, first] * self.n_classes + part[:, second]]

    def p_value(
        self,
        statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        values: NDArray[np.float64],
        n_permutations: int,
        seed: int,
    ) -> float:
        """Return the share of the permutations whose statistic ``(P, pairs) -> (P,)`` is as far from 0 as observed."""
        if n_permutations < 1:
            raise ValueError(f"n_permutations must be at least 1, got {n_permutations}; 9999 is usual")
        observed = abs(float(statistic(values[None])[0]))
        found = np.concatenate([np.abs(statistic(part)) for part in self.permuted(values, n_permutations, seed)])
        return float((found >= observed - _ROUNDING * max(1.0, observed)).mean())

    def jackknife(
        self, estimate: Callable[[dict[str, NDArray[np.float64]]], NDArray[np.float64]], confidence: float
    ) -> NDArray[np.float64]:
        """Return how far the interval of each estimate reaches to either side, by leaving each class out.

        Args:
            estimate: takes the values of the pairs by column, and returns ``(T,)``.
            confidence: level of the interval, in (0, 1).

        Returns:
            ``(T,)``: Student's quantile times the jackknife's standard error; NaN with fewer than
            :data:`FEWEST_CLASSES` classes, or where an estimate cannot be given without one of them.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
        first, second = np.triu_indices(self.n_classes, 1)
        size = len(estimate(self.values))
        if self.n_classes < FEWEST_CLASSES:
            return np.full(size, np.nan)
        without = [
            estimate({name: values[(first != c) & (second != c)] for name, values in self.values.items()})
            for c in range(self.n_classes)
        ]
        squares = ((np.stack(without) - np.mean(without, axis=0)) ** 2).sum(axis=0)
        error = np.sqrt((self.n_classes - 1) / self.n_classes * squares)
        return np.asarray(stats.t.ppf((1 + confidence) / 2, self.n_classes - 1) * error)


@lru_cache(maxsize=1)  # every test of a table permutes the same classes
def _orders(n_classes: int, n_permutations: int, seed: int) -> NDArray[np.intp]:
    if factorial(n_classes) <= n_permutations:
        return np.array(list(permutations(range(n_classes))), dtype=np.intp)
    drawn = np.random.default_rng(seed).random((n_permutations, n_classes)).argsort(axis=1)
    return np.vstack([np.arange(n_classes), drawn])  # what was observed is one of them
