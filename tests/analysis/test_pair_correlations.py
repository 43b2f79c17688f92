"""Tests of correlations over pairs of classes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from htl_monai.analysis.correlations import pair_correlations

NUMBERS = ["estimate", "low", "high", "p_value"]


def draw(rng, n_classes=12, effect=0.0):
    """Draw pairs whose co-occurrence follows their frequency, and whose dissimilarity does by ``effect``."""
    frequency = rng.normal(size=n_classes)
    place = effect * frequency[:, None] + rng.normal(size=(n_classes, 2)) ** 2  # some lie far from all others
    a, b = np.triu_indices(n_classes, 1)
    pairs = pd.DataFrame({"class_a": a, "class_b": b, "gap": abs(frequency[a] - frequency[b])})
    pairs["iou"] = 1 / (1 + np.exp(-(frequency[a] + frequency[b]) / 2 + rng.normal(0, 0.2, len(a))))
    pairs["fcd"] = np.hypot(*(place[a] - place[b]).T)
    return pairs


@pytest.mark.parametrize("x", ["gap", "iou"])
def test_no_effect_is_seldom_significant_and_the_interval_covers(x):
    rng = np.random.default_rng(1)
    rejected, naive, covered = [], [], []
    for _ in range(150):
        pairs = draw(rng)
        table = pair_correlations(pairs, x, "fcd", n_permutations=199)
        rejected.append(table["p_value"] <= 0.05)
        covered.append((table["low"] <= 0) & (table["high"] >= 0))
        naive.append(stats.pearsonr(pairs[x], pairs["fcd"]).pvalue <= 0.05)
    assert np.mean(rejected) <= 0.08 < np.mean(naive)
    assert np.mean(covered) >= 0.93


def test_the_interval_covers_an_effect():
    rng = np.random.default_rng(2)
    truth = np.mean([stats.pearsonr(*draw(rng, 300, effect=2.0)[["gap", "fcd"]].to_numpy().T).statistic for _ in "abc"])
    found = [pair_correlations(draw(rng, effect=2.0), "gap", "fcd", n_permutations=99).loc[0] for _ in range(100)]
    assert truth > 0.5 and np.mean([row["p_value"] <= 0.05 for row in found]) > 0.5
    assert np.mean([row["low"] <= truth <= row["high"] for row in found]) >= 0.88


@pytest.mark.parametrize(("row", "reference"), [(0, stats.pearsonr), (1, stats.spearmanr)])
def test_estimate_is_scipys_and_p_value_that_of_all_permutations(row, reference):
    pairs = draw(np.random.default_rng(3), n_classes=6)
    square = np.zeros((6, 6))
    square[np.triu_indices(6, 1)] = pairs["fcd"]
    square += square.T
    everyone = [
        reference(pairs["iou"], square[np.ix_(order, order)][np.triu_indices(6, 1)]).statistic
        for order in permutations(range(6))
    ]
    found = pair_correlations(pairs, "iou", "fcd").loc[row]
    assert found["estimate"] == pytest.approx(everyone[0])
    assert found["p_value"] == pytest.approx(np.mean(np.abs(everyone) >= abs(everyone[0]) - 1e-9))
    assert np.isnan([found["low"], found["high"]]).all()  # six classes are too few to say


def test_interval_is_that_of_leaving_each_class_out():
    pairs = draw(np.random.default_rng(4), n_classes=9)
    scale = [
        np.arctanh(stats.spearmanr(*pairs.query("class_a != @c and class_b != @c")[["gap", "fcd"]].to_numpy().T)[0])
        for c in range(9)
    ]
    half = stats.t.ppf(0.95, 8) * np.sqrt(8 / 9 * np.var(scale) * 9)
    row = pair_correlations(pairs, "gap", "fcd", confidence=0.9).loc[1]
    assert np.arctanh([row["low"], row["high"]]) == pytest.approx(np.arctanh(row["estimate"]) + np.array([-half, half]))


def test_order_of_pairs_and_names_of_classes_play_no_part_and_the_seed_decides():
    pairs = draw(np.random.default_rng(5))
    turned = pairs.sample(frac=1, random_state=0).rename(columns={"class_a": "class_b", "class_b": "class_a"})
    named = turned.assign(**{name: turned[name].map("c{}".format) for name in ("class_a", "class_b")})
    first, again, other = (pair_correlations(table, "gap", "fcd") for table in (pairs, pairs, named))
    pd.testing.assert_frame_equal(first, again)
    np.testing.assert_allclose(other[NUMBERS[:3]], first[NUMBERS[:3]])
    np.testing.assert_allclose(other["p_value"], first["p_value"], atol=0.03)


def test_a_class_that_is_not_measured_is_left_out_and_counted():
    pairs = draw(np.random.default_rng(6))
    without = pairs.query("class_a != 3 and class_b != 3")
    pairs.loc[(pairs["class_a"] == 3) | (pairs["class_b"] == 3), "fcd"] = np.nan
    table = pair_correlations(pairs, "gap", "fcd")
    pd.testing.assert_frame_equal(
        table.drop(columns="n_missing"), pair_correlations(without, "gap", "fcd").drop(columns="n_missing")
    )
    assert (table["n"] == 55).all() and (table["n_missing"] == 11).all() and (table["n_classes"] == 11).all()


def test_what_cannot_be_measured_is_nan():
    pairs = draw(np.random.default_rng(7), n_classes=9)
    for table in (pairs.assign(fcd=1.0), pairs.assign(fcd=np.nan), pairs.iloc[:0], draw(np.random.default_rng(7), 3)):
        assert pair_correlations(table, "gap", "fcd")[NUMBERS].isna().all(axis=None)


def test_bad_input_is_refused():
    pairs = draw(np.random.default_rng(0), 4)
    with pytest.raises(KeyError, match=r"pairs must have the columns \['dissimilarity'\]"):
        pair_correlations(pairs, "gap", "dissimilarity")
    with pytest.raises(ValueError, match="^n_permutations must be at least 1, got 0"):
        pair_correlations(pairs, "gap", "fcd", n_permutations=0)
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95"):
        pair_correlations(pairs, "gap", "fcd", confidence=95)
