"""What a reader of a run's tables must know first."""

from __future__ import annotations

import pandas as pd
import pytest

from htl_monai.report.notes import run_notes


def table(forgotten: dict[float, list[float]]) -> pd.DataFrame:
    """A forgetting table of useful masks: the relative forgetting of each image by sparsity."""
    rows = [
        {"id": f"{i}", "sparsity": sparsity, "forgetting_relative": share}
        for sparsity, shares in forgotten.items()
        for i, share in enumerate(shares)
    ]
    return pd.DataFrame(rows).assign(foreground_iou_dense=0.8, background_iou_dense=0.9)


@pytest.mark.parametrize(
    ("forgotten", "note"),
    [
        ({0.5: [0.1, 0.2], 0.7: [0.1, 0.4]}, None),
        (
            {0.5: [0.0, 0.0], 0.7: [0.1, 0.39], 0.9: [0.6, 0.3], 0.95: [0.9, 0.9]},
            "At sparsity 0.7 no image loses 40% or more; at 0.9, the nearest where some do, it is 1 of 2: set "
            "sparsity=0.9.",
        ),
        (
            {0.5: [0.0, 0.0], 0.7: [0.1, float("nan")]},
            "At sparsity 0.7 no image loses 40% or more, nor at any other that was mined: mine at higher sparsities.",
        ),
    ],
)
def test_where_nobody_is_forgotten_it_is_said_at_which_sparsity_somebody_is(
    forgotten: dict[float, list[float]], note: str | None
) -> None:
    mined = table(forgotten)
    notes = run_notes(mined, {}, mined, 0.7)
    assert notes["note"].tolist() == ([] if note is None else [note])
