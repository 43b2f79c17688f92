"""Collects what an engine says of each image, over all batches and processes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ScoreCollector"]


class ScoreCollector:
    """Keep the scores of each image, some numbers per image: memory does not grow with pixels.

    Example:
        >>> import torch
        >>> collector = ScoreCollector()
        >>> collector.add(["a", "b"], {"foreground_iou": torch.tensor([0.5, 1.0])})
        >>> ids, scores = collector.gathered()
        >>> ids, scores["foreground_iou"].tolist()
        (['a', 'b'], [0.5, 1.0])
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all that was added."""
        self._ids: list[str] = []
        # One growing block a score: a small array a batch would lie between the activations, which then find no room
        # in the memory that was freed before.
        self._scores: dict[str, array[float]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}

    def add(self, ids: Sequence[str], scores: Mapping[str, Tensor]) -> None:
        """Add one batch: ``(N,)`` or ``(N, S)`` by name for ``N`` ids."""
        self._ids.extend(ids)
        for name, values in scores.items():
            self._scores.setdefault(name, array("d")).frombytes(values.detach().cpu().double().numpy().tobytes())
            self._shapes[name] = tuple(values.shape[1:])

    def own(self) -> dict[str, NDArray[np.float64]]:
        """Return the scores of this process alone."""
        return {
            name: np.array(values, dtype=np.float64).reshape(-1, *self._shapes[name])
            for name, values in self._scores.items()
        }

    def gathered(self) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
        """Return ids and scores of all processes, the same in each of them; to be called by all of them."""
        own = (self._ids, self.own())
        if not (dist.is_available() and dist.is_initialized()):
            return own
        shares: list[tuple[list[str], dict[str, NDArray[np.float64]]]] = [own] * dist.get_world_size()
        dist.all_gather_object(shares, own)
        filled = [share for share in shares if share[0]]
        names = filled[0][1] if filled else {}
        return (
            [id_ for ids, _ in filled for id_ in ids],
            {name: np.concatenate([scores[name] for _, scores in filled]) for name in names},
        )
