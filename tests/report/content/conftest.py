"""Folders of audits as they are written, with scores that forget the last images first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.compared_rankings import rankings_of_scores
from htl_monai.data.files import write_csv, write_json
from htl_monai.scores import make_scores, write_scores

LEVELS = (0.0, 0.5, 0.7)

WriteAudit = Callable[..., Path]


@pytest.fixture
def write_audit(tmp_path: Path) -> WriteAudit:
    """A function that writes an audit and returns its folder."""

    def write(
        n: int = 40,
        ids: Sequence[str] | None = None,
        metadata: Mapping[str, Sequence[Any]] | None = None,
        labelled: bool = True,
        nan: Sequence[int] = (),
        tables: Mapping[str, pd.DataFrame] | None = None,
    ) -> Path:
        names = [f"case_{i:05d}" for i in range(n)] if ids is None else list(ids)
        columns = metadata or {}
        data = [{"id": id_} | {name: values[i] for name, values in columns.items()} for i, id_ in enumerate(names)]
        dense = np.linspace(0.9, 0.5, n)
        lost = np.linspace(0, 0.8, n)
        iou = np.stack([dense * (1 - lost * level / 0.7) for level in LEVELS], axis=1)
        iou[list(nan)] = np.nan
        name = "iou" if labelled else "mask_agreement"
        variables: dict[str, Any] = {
            name: (("sample", "level"), iou if labelled else iou / iou[:, :1]),
            "expected_error": 1 - dense,
        }
        if labelled:
            variables["label_quality"] = np.where(np.arange(n) >= n - 2, 0.05, 0.5 + 0.4 * np.arange(n) / n)
        scores = make_scores(data, names, variables, LEVELS, ["lesion"], primary=name, labelled=int(labelled))
        folder = tmp_path / "audit"
        write_scores(folder / "scores.nc", scores)
        written = {"rankings": rankings_of_scores(scores, 0.7), **(tables or {})}
        for table, rows in written.items():
            write_csv(folder / f"{table}.csv", rows)
        options = {"model": "/models/spleen", "data": "/data/spleen.json", "below": 0.7}
        write_json(folder / "provenance.json", {"bundle": "spleen", "config": {"audit": options}, "inputs": {}})
        return folder

    return write
