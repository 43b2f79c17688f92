"""All rankings side by side."""

from __future__ import annotations

import numpy as np
import pytest

from htl_monai.ranking.entropy import Entropy
from htl_monai.ranking.forgetting import Forgetting
from htl_monai.ranking.rank_all import rank_all, why_not
from htl_monai.ranking.registry import rankings


def test_each_ranking_that_can_be_made_is_a_column_and_the_others_say_why_not(masks, seeds):
    for scores in (masks, seeds):
        table, reasons = rank_all(scores), why_not(scores)
        made = [name for name in rankings() if name in table]
        assert sorted([*made, *reasons]) == sorted(rankings())
        assert len(table) == scores.sizes["sample"] and table["id"].is_unique
        for name in made:
            expected = rankings()[name]()(scores)
            found = table.set_index("id").loc[scores["sample"].values.tolist(), name]
            np.testing.assert_array_equal(found, expected)
    assert set(why_not(masks)) == {"pie_modal", "pie_spearman", "pie_taxicab", "random_within"}
    assert "no probability" in why_not(masks)["pie_taxicab"]


def test_the_hardest_come_first_and_the_unmeasured_last(masks):
    table = rank_all(masks)
    assert table["rank"].tolist()[:-1] == list(range(1, 24)) and table["id"].iloc[-1] == "s05"
    assert table["id"].iloc[0] == "s03"  # never learned
    assert (np.diff(table["relative_forgetting"].iloc[1:-1]) <= 0).all()
    by_entropy = rank_all(masks, by=Entropy())
    assert (np.diff(by_entropy["entropy"]) <= 0).all() and by_entropy["age"].notna().all()


def test_rankings_with_options_may_be_asked_for(masks, seeds):
    table = rank_all(masks, by=Forgetting(level=0.5), which=["entropy"])
    assert table.columns.tolist() == ["id", "rank", "ranked_by", "iou", "forgetting", "entropy", "sex", "age"]
    assert (table["ranked_by"] == "forgetting").all()
    expected = Forgetting(level=0.5)(masks)
    np.testing.assert_array_equal(table.set_index("id").loc[masks["sample"].values.tolist(), "forgetting"], expected)
    with pytest.raises(ValueError, match="^scores must do for the ranking entropy, got none that do: It needs the"):
        rank_all(seeds, which=["entropy"])
