"""Tables for people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from htl_monai.scores import make_scores, table_of

Draw = Callable[..., xr.Dataset]


def test_one_row_a_sample_and_level_has_dense_beside_pruned(draw: Draw) -> None:
    scores = draw(levels=(0.0, 0.5, 0.9))
    table = table_of(scores)
    assert table["id"].tolist() == list("aabbcc") and table["sparsity"].tolist() == [0.5, 0.9] * 3
    np.testing.assert_array_equal(table["foreground_iou_dense"], np.repeat(scores["iou"][0, :, 1], 2))
    np.testing.assert_array_equal(table["background_iou_pruned"], scores["iou"][1:, :, 0].values.T.reshape(-1))
    assert "image" not in table and "mask" not in table and table["empty text"][5] == "x"


def test_one_row_a_sample_has_the_scores_under_their_own_names(draw: Draw) -> None:
    table = table_of(draw()[["iou", "loss"]], level=0.0)
    assert table.columns.tolist()[-3:] == ["foreground_iou", "background_iou", "loss"] and len(table) == 3


def test_each_of_several_foreground_classes_has_a_column() -> None:
    scores = make_scores([{"id": "a"}], ["a"], {"iou": [[[0.1, 0.2, 0.6]]]}, [0], list("xyz"), foreground=["y", "z"])
    table = table_of(scores, level=0.0).drop(columns="id")
    np.testing.assert_allclose(table, [[0.4, 0.1, 0.2, 0.6]])
    assert table.columns.tolist() == ["foreground_iou", "background_iou", "iou_y", "iou_z"]
