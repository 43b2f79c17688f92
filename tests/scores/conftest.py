"""Drawn scores of a few samples, with metadata of every kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

from htl_monai.scores import make_scores

COLUMNS: dict[str, list[Any]] = {
    "image": ["a.jpg", "b.jpg", "c.jpg"],
    "label": ["a.png", None, "c.png"],
    "age": [30.0, None, 50.5],
    "count": [1, 2, 3],
    "sex": [None, "female", "male"],
    "smoker": [True, False, True],
    "maybe": [True, None, False],
    "mixed": ["text", 3, [1, 2]],
    "nothing": [None, None, None],
    "empty text": ["", None, "x"],
    "a/b": ["a\0b", "é", "x"],
    "class": ["1", "2", "3"],
}
IDS = ("a", "b", "c")
DATA = [{"id": id_, **{name: values[i] for name, values in COLUMNS.items()}} for i, id_ in enumerate(IDS)]


@pytest.fixture
def metadata() -> list[dict[str, Any]]:
    return DATA


@pytest.fixture
def draw() -> Callable[..., xr.Dataset]:
    """Draw scores; the number of a seed and of an id says what they are, whatever the order."""

    def drawn(
        seed: int = 0, ids: Sequence[str] = IDS, levels: Sequence[float] = (0.0, 0.5), **changes: Any
    ) -> xr.Dataset:
        iou = np.random.default_rng(seed).random((3, len(levels), 2))[[IDS.index(id_) for id_ in ids]]
        label = np.eye(3, 2, dtype=np.int8)[[IDS.index(id_) for id_ in ids]]
        options = {"classes": ["background", "lesion"], "foreground": ["lesion"], "task": "segmentation", **changes}
        data = [DATA[IDS.index(id_)] for id_ in dict.fromkeys(ids)]
        variables = {"iou": iou, "label": (("sample", "class"), label), "loss": (("sample", "level"), iou[..., 0])}
        return make_scores(data, ids, variables, levels, **options)

    return drawn
