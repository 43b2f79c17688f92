"""Mined scores of a few images, as files, of which a test says what each loses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from htl_monai.scores import make_scores, write_scores


@pytest.fixture
def mined(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the dense and pruned IoU of images, and more scores of the dense network."""

    def write(
        name: str, iou: Mapping[str, tuple[float, float]], data: Sequence[Mapping[str, Any]] | None = None, **more: Any
    ) -> Path:
        items = [{"id": id_} for id_ in iou] if data is None else data
        both = np.array(list(iou.values()), dtype=float)
        variables = {"iou": both[:, [0, 1, 1]], **{key: (("sample",), values) for key, values in more.items()}}
        scores = make_scores(items, list(iou), variables, [0.0, 0.7, 0.5], ["lesion", "skin"], primary="iou")
        scores["iou"].loc[{"level": 0.5}] = scores["iou"].sel(level=0.0)  # nothing is lost at 0.5
        return write_scores(tmp_path / name / "scores.nc", scores)

    return write
