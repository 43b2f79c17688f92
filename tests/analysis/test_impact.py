"""Tests of the impact of pruning on foreground and background."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.impact import impact, impact_of_pruning, impact_on_boxes, is_of_boxes


def build_table(foreground_pruned, background_pruned=None, dense=(0.8, 0.5, 0.5, 0.2), sparsity=0.7):
    n = len(foreground_pruned)
    return pd.DataFrame(
        {
            "id": [f"image_{i}" for i in range(n)],
            "sparsity": sparsity,
            "foreground_iou_dense": dense[:n],
            "foreground_iou_pruned": foreground_pruned,
            "background_iou_dense": 0.9,
            "background_iou_pruned": background_pruned or [0.9] * n,
        }
    )


def test_values_by_hand():
    row = impact_of_pruning(build_table([0.4, 0.5, 0.3, 0.0], [0.9, 0.9, 0.9, 0.45])).iloc[0]
    assert row["sparsity"] == 0.7 and row["n"] == row["foreground_n"] == row["background_n"] == 4
    assert row["foreground_iou_dense"] == pytest.approx(0.5)
    assert row["foreground_iou_pruned"] == pytest.approx(0.3)
    assert row["foreground_drop_percent"] == pytest.approx(40)
    assert row["foreground_image_drop_percent"] == pytest.approx(100 * (0.5 + 0 + 0.4 + 1) / 4)
    assert row["foreground_forgotten"] == pytest.approx(3 / 4)
    assert row["background_drop_percent"] == pytest.approx(12.5)
    assert row["background_image_drop_percent"] == pytest.approx(12.5)
    assert row["background_forgotten"] == pytest.approx(1 / 4)


def test_a_table_without_masks_is_summarised_by_its_boxes():
    table = build_table([0.4, 0.5])
    assert not is_of_boxes(table)
    pd.testing.assert_frame_equal(impact(table), impact_of_pruning(table))
    boxes = table.filter(regex="^(id|sparsity)$").assign(box_agreement_dense=1.0, box_agreement_pruned=[0.5, 1.0])
    boxes = boxes.assign(mask_agreement_pruned=1.0, x_min_px_dense=0.0)
    assert is_of_boxes(boxes)
    pd.testing.assert_frame_equal(impact(boxes), impact_on_boxes(boxes))


def test_the_share_follows_its_threshold():
    table = build_table([0.4, 0.5, 0.3, 0.0])
    shares = [impact_of_pruning(table, share)["foreground_forgotten"].item() for share in (0.0, 0.45, 0.75, 1.0)]
    assert shares == [1.0, 0.5, 0.25, 0.25]


def test_one_row_a_sparsity_ascending_whatever_the_order_of_the_rows():
    table = pd.concat([build_table([0.1, 0.1], sparsity=0.9), build_table([0.8, 0.5], sparsity=0.25)])
    expected = impact_of_pruning(table)
    assert expected["sparsity"].tolist() == [0.25, 0.9]
    assert expected["foreground_drop_percent"].iloc[0] == 0
    pd.testing.assert_frame_equal(impact_of_pruning(table.sample(frac=1, random_state=0)), expected)


def test_images_without_a_score_and_those_with_nothing_to_lose():
    row = impact_of_pruning(build_table([0.4, np.nan, 0.1], dense=(0.8, 0.5, 0.0))).iloc[0]
    assert (row["n"], row["foreground_n"], row["background_n"]) == (3, 2, 3)
    assert row["foreground_iou_dense"] == pytest.approx(0.4)
    assert row["foreground_iou_pruned"] == pytest.approx(0.25)
    assert row["foreground_image_drop_percent"] == pytest.approx(50)
    assert row["foreground_forgotten"] == pytest.approx(1 / 2)
    assert row["foreground_n_never_learned"] == 1 and row["background_n_never_learned"] == 0


def test_nothing_measured_is_nan():
    row = impact_of_pruning(build_table([np.nan, np.nan])).iloc[0]
    counts = ["foreground_n", "foreground_n_never_learned"]
    assert (row[counts] == 0).all()
    assert row.filter(like="foreground_").drop(counts).isna().all()


def test_bad_input_is_refused():
    table = build_table([0.4, 0.5])
    with pytest.raises(KeyError, match=r"table must have the columns \['sparsity'\], got \['id', 'foreground_iou_d"):
        impact_of_pruning(table.drop(columns="sparsity"))
    with pytest.raises(
        ValueError, match=r"^table must have one row per image and sparsity, got .* \['image_0'\]; mine"
    ):
        impact_of_pruning(pd.concat([table, table.head(1)]))
    with pytest.raises(ValueError, match=r"^forgotten_share must be in \[0, 1\], got 40; 0.4 means"):
        impact_of_pruning(table, forgotten_share=40)
