"""Rankings side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.compared_rankings import compare_rankings, rankings_of_scores
from htl_monai.scores import make_scores


def test_every_ranking_that_can_be_made_of_some_scores_stands_beside_the_others() -> None:
    data = [{"id": f"{n}", "hard": int(n < 3)} for n in range(12)]
    dense, pruned = np.full(12, 0.8), np.where(np.arange(12) < 3, 0.1, 0.7)
    found = make_scores(data, [item["id"] for item in data], {"iou": np.stack([dense, pruned], 1)}, [0, 0.5], ["all"])
    table = rankings_of_scores(found, 0.5).set_index("ranking")
    assert {"forgetting", "relative_forgetting", "dense_error", "random"} <= set(table.index)
    assert "pie_spearman" not in table.index  # there are no probabilities
    assert table.loc["forgetting", ["auroc_planted", "precision_at_planted"]].tolist() == [1, 1]
    assert table.loc["forgetting", "spearman_relative_forgetting"] == pytest.approx(1)
    assert "auroc_planted" not in rankings_of_scores(found.drop_vars("hard"), 0.5)


def test_scores_that_were_measured_nowhere_judge_nothing() -> None:
    table = compare_rankings(pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, np.nan]}), [np.nan, np.nan])
    assert list(table["n"]) == [2, 0] and "auroc" not in table
