"""How far pruning moves the boxes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.impact import impact_on_boxes


@pytest.fixture
def table() -> pd.DataFrame:
    """Four images at two sparsities; the dense one finds nothing in the third, neither in the last."""
    rows = [(0.9, 0.0, 0.2), (0.9, 0.6, 0.5), (0.9, 0.59, 0.4), (0.9, 1.0, np.nan)]
    rows += [(0.5, 1.0, 1.0), (0.5, 0.8, 0.9), (0.5, 1.0, 1.0), (0.5, 1.0, np.nan)]
    table = pd.DataFrame(rows, columns=["sparsity", "box_agreement_pruned", "mask_agreement_pruned"])
    return table.assign(id=list("abcd") * 2, x_min_px_dense=[0.0, 0.0, np.nan, np.nan] * 2)


def test_by_hand(table: pd.DataFrame) -> None:
    impact = impact_on_boxes(table).set_index("sparsity")
    assert impact.index.tolist() == [0.5, 0.9] and impact["n"].tolist() == [4, 4]
    assert impact["box_iou"].tolist() == pytest.approx([0.95, 0.5475])
    assert impact["box_drop"].tolist() == pytest.approx([0.05, 0.4525])
    assert impact["box_forgotten"].tolist() == [0, 0.75]  # a drop of 0.4 counts
    assert impact["foreground_n"].tolist() == [2, 2]
    assert impact["foreground_drop"].tolist() == pytest.approx([0.1 / 2, 1.3 / 2])
    assert impact["foreground_iou"].tolist() == pytest.approx([2.9 / 3, 1.1 / 3])


def test_the_order_of_rows_plays_no_part(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(impact_on_boxes(table), impact_on_boxes(table[::-1]))


def test_other_tables_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match=r"must have the columns \['box_agreement_pruned'\]"):
        impact_on_boxes(table.drop(columns="box_agreement_pruned"))
    with pytest.raises(ValueError, match=r"forgotten_share must be in \[0, 1\], got 40"):
        impact_on_boxes(table, 40)
