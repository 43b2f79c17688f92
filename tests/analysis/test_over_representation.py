"""Tests of the over-representation of groups among PIEs."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.over_representation import over_representation
from htl_monai.statistics.holm import holm
from htl_monai.statistics.ratio_interval import ratio_interval

CLASSES = ("No Finding", "Effusion", "Mass")


def draw(seed=0, n=400):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < [0.5, 0.3, 0.1]).astype(float)
    is_pie = rng.random(n) < 0.1 + 0.3 * labels[:, 2]
    return labels, is_pie


def row(table, group):
    return table.set_index("group").loc[group]


def test_shares_and_ratios_by_hand():
    labels = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    table = over_representation(labels, [1, 1, 0, 0, 0, 0, 0, 0], CLASSES)
    assert table["group"].tolist() == [
        *CLASSES,
        "0 findings",
        "1 finding",
        "2 findings",
        "3 findings",
        "4+ findings",
    ]
    assert table["n"].tolist() == [3, 3, 2, 4, 3, 1, 0, 0]
    assert table["n_pie"].tolist() == [1, 1, 1, 1, 0, 1, 0, 0]
    assert table["share_pie"].tolist() == [0.5, 0.5, 0.5, 0.5, 0, 0.5, 0, 0]
    np.testing.assert_allclose(table["share_rest"], [2 / 6, 2 / 6, 1 / 6, 3 / 6, 3 / 6, 0, 0, 0])
    np.testing.assert_allclose(table["ratio"], [1.5, 1.5, 3, 1, 0, np.inf, np.nan, np.nan])
    assert (table["n_known"] == 8).all()


def test_interval_and_test_are_those_of_two_shares():
    labels, is_pie = draw()
    table = over_representation(labels, is_pie, CLASSES, confidence=0.9)
    group = labels[:, 2] == 1
    counts = (group & is_pie).sum(), is_pie.sum(), (group & ~is_pie).sum(), (~is_pie).sum()
    found = row(table, "Mass")
    assert found[["low", "high", "p_value"]].tolist() == pytest.approx(ratio_interval(*counts, 0.9))
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"]))


def test_images_of_one_subject_count_for_what_they_are_worth():
    labels, is_pie = draw(n=200)
    once = row(over_representation(labels, is_pie, CLASSES), "Mass")
    subjects = [f"patient_{n}" for n in range(200)] * 3
    tripled = np.tile(labels, (3, 1)), np.tile(is_pie, 3)
    known = row(over_representation(*tripled, CLASSES, subjects=subjects), "Mass")
    naive = row(over_representation(*tripled, CLASSES), "Mass")
    assert known["ratio"] == once["ratio"] and known["n"] == 3 * once["n"]
    assert known[["low", "high"]].tolist() == pytest.approx(once[["low", "high"]].tolist(), rel=0.03)
    assert naive["high"] / naive["low"] < 0.7 * known["high"] / known["low"]


def test_intervals_hold_the_ratio_and_the_planted_group_stands_out():
    table = over_representation(*draw(), CLASSES)
    known = table.dropna()
    assert (known["low"] <= known["ratio"]).all() and (known["ratio"] <= known["high"]).all()
    assert row(table, "Mass")["low"] > 1
    assert row(table, "Effusion")["low"] < 1 < row(table, "Effusion")["high"]


def test_the_order_of_the_images_plays_no_part():
    labels, is_pie = draw()
    order = np.random.default_rng(0).permutation(len(labels))
    table = over_representation(labels, is_pie, CLASSES)
    pd.testing.assert_frame_equal(over_representation(labels[order], is_pie[order], CLASSES), table)


def test_unknown_labels_leave_the_image_out_of_what_they_would_decide():
    labels, is_pie = draw()
    labels[:100, 2] = np.nan
    table = over_representation(labels, is_pie, CLASSES)
    without = over_representation(labels[100:], is_pie[100:], CLASSES)
    counted = ["n_known", "n", "n_pie", "share_pie", "share_rest", "ratio"]
    for group in ("Mass", "0 findings", "1 finding", "2 findings"):
        assert row(table, group)[counted].tolist() == row(without, group)[counted].tolist()
    assert row(table, "Effusion")["n_known"] == 400 and row(table, "Mass")["n_known"] == 300


def test_no_finding_is_not_counted_as_one_and_may_be_absent_or_unknown():
    labels = np.array([[1, 1, 1], [1, 0, 0], [np.nan, 1, 0]])
    table = over_representation(labels, [1, 0, 0], CLASSES)
    assert [row(table, group)["n"] for group in ("0 findings", "1 finding", "2 findings")] == [1, 1, 1]
    every = over_representation(labels[:2], [1, 0], ["Hernia", "Effusion", "Mass"])
    assert [row(every, group)["n"] for group in ("1 finding", "3 findings")] == [1, 1]


def test_four_or_more_findings_are_one_group():
    labels = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    table = over_representation(labels, [1, 0, 0], list("abcde"))
    assert row(table, "4+ findings")["n"] == 2 and row(table, "3 findings")["n"] == 1


@pytest.mark.parametrize("everyone", [False, True])
def test_without_pies_or_without_others_there_is_no_ratio(everyone):
    table = over_representation(draw()[0], np.full(400, everyone), CLASSES)
    assert table[["ratio", "low", "high"]].isna().all(axis=None)
    assert table["share_rest" if everyone else "share_pie"].isna().all()
    assert table["share_pie" if everyone else "share_rest"].notna().all()


def test_a_group_that_never_occurs_or_is_never_known_is_nan():
    labels, is_pie = draw()
    labels[:, 1], labels[:, 2] = 0, np.nan
    table = over_representation(labels, is_pie, CLASSES)
    never, unknown = row(table, "Effusion"), row(table, "Mass")
    assert never[["n", "share_pie", "share_rest"]].tolist() == [0, 0, 0]
    assert unknown["n_known"] == 0 and np.isnan(unknown["share_pie"])
    assert np.isnan([never["ratio"], never["low"], unknown["ratio"], unknown["high"]]).all()


@pytest.mark.parametrize(("pies", "ratio"), [(slice(0, 10), np.inf), (slice(10, 20), 0)])
def test_a_group_of_pies_alone_or_without_any_has_one_end(pies, ratio):
    labels, is_pie = np.zeros((50, 1)), np.zeros(50, dtype=bool)
    labels[:3], is_pie[pies] = 1, True
    found = row(over_representation(labels, is_pie, ["Hernia"]), "Hernia")
    assert found["ratio"] == ratio
    assert found["low"] == 0 < found["high"] < 8 if ratio == 0 else found["high"] == np.inf and found["low"] > 1


def test_many_images_take_no_time():
    rng = np.random.default_rng(0)
    labels = (rng.random((21_081, 20)) < 0.1).astype(float)
    start = time.process_time()
    over_representation(labels, rng.random(21_081) < 0.05, [f"class {i}" for i in range(20)])
    assert time.process_time() - start < 5


def test_bad_input_is_refused():
    labels, is_pie = draw()
    with pytest.raises(
        ValueError, match=r"^is_pie must be \(N,\) for 400 images, got \(399,\); pass one entry per image"
    ):
        over_representation(labels, is_pie[1:], CLASSES)
    with pytest.raises(ValueError, match="^classes must name the 3 columns of labels, got 2 names"):
        over_representation(labels, is_pie, CLASSES[:2])
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        over_representation(labels, is_pie, CLASSES, confidence=95)


def test_images_never_learned_are_counted_in_each_group():
    labels = [[1, 0], [1, 1], [0, 1], [0, np.nan]]
    table = over_representation(labels, [1, 0, 0, 0], ["Mass", "Edema"], never_learned=[0, 1, 1, 1]).set_index("group")
    assert table["n_never_learned"].tolist()[:5] == [1, 2, 0, 1, 1]  # Mass, Edema, 0, 1 and 2 findings
    assert not over_representation(labels, [1, 0, 0, 0], ["Mass", "Edema"])["n_never_learned"].any()
