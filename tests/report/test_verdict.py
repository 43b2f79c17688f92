"""The closing sentence of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.verdict import verdict


def comparison(low: float, high: float, n_seeds: int | None = 3, **changes: object) -> dict[str, pd.DataFrame]:
    row = {"model": "htl", "reference": "random", "score": "foreground_iou", "difference": (low + high) / 2}
    row |= {"low": low, "high": high, "p_value": 0.002} | ({} if n_seeds is None else {"n_seeds": n_seeds}) | changes
    decoy = row | {"model": "random", "reference": "dense", "difference": 0.5, "low": 0.4, "high": 0.6}
    return {"comparison": pd.DataFrame([decoy, row | {"score": "background_iou", "difference": 0.9}, row])}


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.006, 0.008, "was not distinguishable from fine-tuning on random ones: +0.1 points of foreground IoU [−0.6"),
        (0.001, 0.019, "was better than fine-tuning on random ones: +1.0 points of foreground IoU [0.1, 1.9]."),
        (-0.019, -0.001, "was worse than fine-tuning on random ones: −1.0 points of foreground IoU [−1.9, −0.1]."),
        (0.0, 0.01, "was not distinguishable from"),
    ],
)
def test_several_seeds_give_a_verdict_in_words(low: float, high: float, words: str) -> None:
    sentence = verdict(comparison(low, high))
    assert sentence.startswith(f"In 3 seeds fine-tuning on forgotten images {words}")
    assert sentence.endswith("].") and "0.002" not in sentence


@pytest.mark.parametrize("n_seeds", [None, 1])
def test_one_seed_gives_none_whatever_its_interval(n_seeds: int | None) -> None:
    sentence = verdict(comparison(0.04, 0.06, n_seeds))
    assert sentence.startswith("One seed cannot say whether it helped")
    assert sentence.endswith("For a verdict: --seeds 0:3.") and "+5.0 points of foreground IoU" in sentence
    assert "better" not in sentence and "[" not in sentence


def test_several_seeds_without_an_interval_say_so() -> None:
    sentence = verdict(comparison(np.nan, np.nan, difference=0.02))
    assert sentence == (
        "In 3 seeds fine-tuning on forgotten images could not be told from fine-tuning on random ones: +2.0 points of "
        "foreground IoU, without an interval."
    )


def test_where_nothing_was_compared_nothing_is_said() -> None:
    alone = comparison(0.1, 0.2)["comparison"].iloc[:1]  # one arm that trains, beside the dense network
    assert verdict({"comparison": alone}) == verdict({"comparison": alone.iloc[:0]}) == verdict({}) == ""


def test_of_chest_x_rays_the_mean_of_the_classes_decides() -> None:
    row = {"arm": "upweighted", "reference": "left_alone", "class": "mean", "n_seeds": 3}
    row |= {"difference": 0.004, "low": -0.002, "high": 0.01}
    of_class, other = row | {"class": "Hernia", "low": 0.1}, row | {"arm": "removed", "low": 0.1}
    assert verdict({"arms": pd.DataFrame([of_class, row, other])} | comparison(0.1, 0.2)) == (
        "In 3 seeds weighing the forgotten images more was not distinguishable from leaving all alone: +0.4 points of "
        "average precision [−0.2, 1.0]."
    )
    assert verdict({"arms": pd.DataFrame([of_class])}) == ""


def test_an_arm_of_the_users_own_is_named() -> None:
    found = verdict(comparison(0.1, 0.2, model="mine"))
    assert "the arm mine was better than fine-tuning on random ones" in found
