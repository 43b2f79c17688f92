"""What every sample lost, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from htl_monai.ranking.forgetting_table import forgetting_table, nearest_level
from htl_monai.scores import make_scores

NAN = float("nan")


def drawn(values: dict[str, list], levels: list[float], primary: str = "iou") -> xr.Dataset:
    """Scores of samples a, b, …; values are rows of levels."""
    data = [{"id": id_} for id_, _ in zip("abcdefg", values[primary], strict=False)]
    arrays = {name: (("sample", "level"), np.array(rows, dtype=float)) for name, rows in values.items()}
    return make_scores(data, [item["id"] for item in data], arrays, levels, ["all"], primary=primary)


def test_forgetting_by_hand() -> None:
    values = {"iou": [[0.8, 0.6, 0.2], [0, 0, 0]], "background": [[0.9, 0.9, 0.8], [1, 1, NAN]]}
    table = forgetting_table(drawn(values, [0, 0.5, 0.7]))
    assert table["id"].tolist() == ["a", "a", "b", "b"] and table["sparsity"].tolist() == [0.5, 0.7] * 2
    assert table["forgetting"].tolist() == pytest.approx([0.2, 0.6, 0, 0])
    # Nothing was learned of b that could be forgotten.
    np.testing.assert_allclose(table["forgetting_relative"], [0.25, 0.75, np.nan, np.nan])
    background = forgetting_table(drawn(values, [0, 0.5, 0.7], "background"))
    np.testing.assert_allclose(background["forgetting"], [0, 0.1, 0, np.nan], atol=1e-12)


def test_images_never_learned_lead_the_ranking_of_each_level() -> None:
    values = {"iou": [[0.8, 0.6, 0.4], [0, 0.2, 0], [NAN, NAN, NAN], [0.5, 0, 0.4], [0, 0, 0]]}
    scores = drawn(values, [0, 0.5, 0.7])
    table = forgetting_table(scores)
    assert table["never_learned"].tolist() == [False] * 2 + [True] * 2 + [False] * 4 + [True] * 2
    ranks = {sparsity: rows["rank"].tolist() for sparsity, rows in table.groupby("sparsity")}
    assert ranks == {0.5: [4, 1, pd.NA, 3, 2], 0.7: [3, 1, pd.NA, 4, 2]}
    assert nearest_level(scores) == 0.7 and nearest_level(scores, 0.6) == 0.5


@pytest.mark.parametrize("edge", ["x_min", "x_min_px"])
def test_without_masks_an_image_without_a_dense_box_was_never_learned(edge: str) -> None:
    values = {"box_iou": [[1, 0], [1, 0.4]], edge: [[NAN, 3], [0, 0]]}
    table = forgetting_table(drawn(values, [0, 0.7], "box_iou"))
    assert table["never_learned"].tolist() == [True, False] and table["rank"].tolist() == [1, 2]


def test_one_level_is_that_part_of_the_table() -> None:
    scores = drawn({"iou": [[0.8, 0.6, 0.2], [0.5, 0.5, 0.1]]}, [0, 0.5, 0.7])
    whole = forgetting_table(scores).query("sparsity == 0.5").reset_index(drop=True)
    pd.testing.assert_frame_equal(forgetting_table(scores, 0.5), whole)
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, 0.7, got 0.6"):
        forgetting_table(scores, 0.6)


def test_a_score_of_classes_counts_by_its_foreground() -> None:
    values = np.array([[[0.9, 0.8], [0.9, 0.2]]])
    scores = make_scores([{"id": "a"}], ["a"], {"iou": values}, [0, 0.7], ["skin", "mole"], foreground=["mole"])
    table = forgetting_table(scores)
    assert table["forgetting"].tolist() == pytest.approx([0.6]) and "foreground_iou_dense" in table
