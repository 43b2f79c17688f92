"""Collects what an engine says of each image, over all batches and processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ScoreCollector"]

Arrays = dict[str, NDArray[Any]]


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
        self._scores: dict[str, bytearray] = {}
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}

    def add(self, ids: Sequence[str], scores: Mapping[str, Tensor]) -> None:
        """Add one batch: ``(N, ...)`` by name for ``N`` ids."""
        self._ids.extend(ids)
        for name, values in scores.items():
            array = values.detach().cpu().numpy()
            self._scores.setdefault(name, bytearray()).extend(array.tobytes())
            self._kinds[name] = (array.dtype, array.shape[1:])

    def own(self) -> Arrays:
        """Return the scores of this process alone."""
        kinds = self._kinds
        return {
            name: np.frombuffer(bytes(block), dtype=kinds[name][0]).reshape(-1, *kinds[name][1])
            for name, block in self._scores.items()
        }

    def gathered(self) -> tuple[list[str], Arrays]:
        """Return ids and scores of all processes, the same in each of them; to be called by all of them."""
        own = (self._ids, self.own())
        if not (dist.is_available() and dist.is_initialized()):
            return own
        shares: list[tuple[list[str], Arrays]] = [own] * dist.get_world_size()
        dist.all_gather_object(shares, own)
        filled = [share for share in shares if share[0]]
        names = filled[0][1] if filled else {}
        return (
            [id_ for ids, _ in filled for id_ in ids],
            {name: np.concatenate([scores[name] for _, scores in filled]) for name in names},
        )
