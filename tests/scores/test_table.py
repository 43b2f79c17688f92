"""Joining scores with the metadata of their images."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.scores.table import forgetting_table, score_table

DATA = [
    {"id": "a", "image": "a.jpg", "label": "a.png", "age": 30.0, "sex": None},
    {"id": "b", "image": "b.jpg", "label": "b.png", "age": None, "sex": "female", "hard": 1},
]


def test_scores_follow_the_data_list_whatever_the_order() -> None:
    table = score_table(DATA, ["b", "a"], {"iou": np.array([0.2, 0.1])})
    assert table.columns.tolist() == ["id", "age", "sex", "hard", "iou"]
    assert table["id"].tolist() == ["a", "b"] and table["iou"].tolist() == [0.1, 0.2]
    assert pd.isna(table.loc[1, "age"]) and pd.isna(table.loc[0, "hard"])


def test_forgetting_by_hand() -> None:
    dense = {"foreground_iou": np.array([0.8, 0.0]), "background_iou": np.array([0.9, 1.0])}
    pruned = {
        "foreground_iou": np.array([[0.6, 0.2], [0.0, 0.0]]),
        "background_iou": np.array([[0.9, 0.8], [1.0, np.nan]]),
    }
    table = forgetting_table(DATA, ["a", "b"], dense, pruned, [0.5, 0.7])
    assert table["id"].tolist() == ["a", "a", "b", "b"] and table["sparsity"].tolist() == [0.5, 0.7] * 2
    assert table["forgetting"].tolist() == pytest.approx([0.2, 0.6, 0, 0])
    # Nothing was learned of b that could be forgotten.
    np.testing.assert_allclose(table["forgetting_relative"], [0.25, 0.75, np.nan, np.nan])
    assert table["foreground_iou_dense"].tolist() == [0.8, 0.8, 0, 0]
    background = forgetting_table(DATA, ["a", "b"], dense, pruned, [0.5, 0.7], "background_iou")
    np.testing.assert_allclose(background["forgetting"], [0, 0.1, 0, np.nan], atol=1e-12)


def test_images_never_learned_lead_the_ranking_of_each_sparsity() -> None:
    data = [{"id": id_} for id_ in "abcde"]
    dense = {"foreground_iou": np.array([0.8, 0.0, np.nan, 0.5, 0.0])}
    pruned = {"foreground_iou": np.array([[0.6, 0.4], [0.2, 0.0], [np.nan, np.nan], [0.0, 0.4], [0.0, 0.0]])}
    table = forgetting_table(data, list("abcde"), dense, pruned, [0.5, 0.7])
    assert table["never_learned"].tolist() == [False] * 2 + [True] * 2 + [False] * 4 + [True] * 2
    ranks = {sparsity: rows["rank"].tolist() for sparsity, rows in table.groupby("sparsity")}
    assert ranks == {0.5: [4, 1, pd.NA, 3, 2], 0.7: [3, 1, pd.NA, 4, 2]}


@pytest.mark.parametrize("edge", ["x_min", "x_min_px"])
def test_without_masks_an_image_without_a_dense_box_was_never_learned(edge: str) -> None:
    dense = {"box_iou": np.array([1.0, 1.0]), edge: np.array([np.nan, 0.0])}
    pruned = {"box_iou": np.array([[0.0], [0.4]]), edge: np.array([[3.0], [0.0]])}
    table = forgetting_table(DATA, ["a", "b"], dense, pruned, [0.7], "box_iou")
    assert table["never_learned"].tolist() == [True, False] and table["rank"].tolist() == [1, 2]


def test_the_order_of_images_and_repeats_play_no_part() -> None:
    dense, pruned = np.array([0.8, 0.5]), np.array([[0.6], [0.1]])
    plain = forgetting_table(DATA, ["a", "b"], {"iou": dense}, {"iou": pruned}, [0.7], "iou")
    order = [1, 0, 1]  # a distributed sampler repeats images to even its shards out
    mixed = forgetting_table(DATA, ["b", "a", "b"], {"iou": dense[order]}, {"iou": pruned[order]}, [0.7], "iou")
    pd.testing.assert_frame_equal(plain, mixed)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="got none for 1 images, first b"):
        score_table(DATA, ["a"], {"iou": np.array([0.1])})
    with pytest.raises(KeyError, match="score must be one of iou, got 'dice'"):
        forgetting_table(DATA, ["a", "b"], {"iou": np.zeros(2)}, {"iou": np.zeros((2, 1))}, [0.7], "dice")
