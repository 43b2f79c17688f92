"""Tests of relative changes, forgettability curves and where they fall."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.analysis.forgettability import class_changes, first_drop, forgettability_curves, relative_change

SPARSITIES = (0.0, 0.5, 0.9)
# Three seeds × three sparsities × two classes; the second class cannot be measured.
AP = np.stack([[[0.5, 0.4, 0.1], [0.8, 0.8, 0.2], [0.4, 0.3, 0.3]], np.full((3, 3), np.nan)], axis=-1)


def test_relative_change_by_hand():
    changes = relative_change(AP)
    np.testing.assert_allclose(changes[..., 0], [[0, -0.2, -0.8], [0, 0, -0.75], [0, -0.25, -0.25]], atol=1e-12)
    assert np.isnan(changes[..., 1]).all()


def test_curves_are_the_median_over_the_seeds_without_the_dense_network():
    curves = forgettability_curves(AP)
    assert curves.shape == (2, 2)
    np.testing.assert_allclose(curves[:, 0], [-0.2, -0.75])
    assert np.isnan(curves[:, 1]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 1))
def test_order_of_the_seeds_and_the_scale_of_a_class_play_no_part(seed, factor):
    rng = np.random.default_rng(seed)
    ap = rng.uniform(0.01, 1, (4, 3, 2))
    curves = forgettability_curves(ap)
    np.testing.assert_allclose(forgettability_curves(rng.permutation(ap) * [1, factor]), curves, atol=1e-12)
    assert (curves >= -1).all()


def test_first_drop_is_the_first_sparsity_that_loses_enough():
    curves = np.array([[-0.1, -0.25, 0.1, np.nan], [-0.2, -0.1, -0.19, np.nan], [-0.5, -0.6, 0.0, np.nan]])
    np.testing.assert_array_equal(first_drop(curves, (0.3, 0.6, 0.9)), [0.6, 0.3, np.nan, np.nan])
    np.testing.assert_array_equal(first_drop(curves, (0.0, 0.3, 0.6, 0.9)), [0.6, 0.3, np.nan, np.nan])
    np.testing.assert_array_equal(first_drop(curves, (0.3, 0.6, 0.9), drop=0.5), [0.9, 0.9, np.nan, np.nan])


def test_a_drop_of_exactly_20_percent_counts_in_spite_of_rounding():
    curves = forgettability_curves([[[1.0], [0.8]]])
    assert curves[0, 0] > -0.2  # what the machine makes of it
    assert first_drop(curves, (0.9,)).tolist() == [0.9]


def test_class_changes_by_hand():
    table = class_changes(AP, ["Mass", "Hernia"], SPARSITIES, [120, 0])
    assert table["class"].tolist() == ["Mass"] * 3 + ["Hernia"] * 3
    assert table["n_training"].tolist() == [120] * 3 + [0] * 3
    assert table["sparsity"].tolist() == [*SPARSITIES, *SPARSITIES] and (table["n_seeds"] == 3).all()
    last = table.loc[2]
    assert last["ap_mean"] == pytest.approx(0.2) and last["ap_std"] == pytest.approx(0.1)
    assert last["change_median"] == pytest.approx(-0.75)
    # Quartiles of -0.8, -0.75, -0.25: half-way between the neighbours.
    assert (last["change_low"], last["change_high"]) == (pytest.approx(-0.775), pytest.approx(-0.5))
    assert table.loc[3:, "ap_mean":].isna().all(axis=None)
    assert table.loc[0, ["change_median", "change_low", "change_high"]].tolist() == [0, 0, 0]


def test_class_changes_agree_with_pandas():
    ap = np.random.default_rng(0).uniform(0.1, 1, (6, 3, 2))
    table = class_changes(ap, ["Mass", "Hernia"], SPARSITIES, [10, 2])
    index = pd.MultiIndex.from_product([range(6), SPARSITIES, ["Mass", "Hernia"]], names=["seed", "sparsity", "class"])
    long = pd.Series(ap.ravel(), index).rename("ap").reset_index()
    expected = long.groupby(["class", "sparsity"], sort=False)["ap"].agg(["mean", "std"])
    rows = [(name, sparsity) for name, sparsity in zip(table["class"], table["sparsity"], strict=True)]
    np.testing.assert_allclose(table[["ap_mean", "ap_std"]], expected.loc[rows])


def test_one_seed_has_no_spread():
    table = class_changes(AP[:1], ["Mass", "Hernia"], SPARSITIES, [120, 0])
    assert table[["ap_std", "change_low", "change_high"]].isna().all(axis=None)
    assert table.loc[:2, "change_median"].tolist() == pytest.approx([0, -0.2, -0.8])
    assert (table["n_seeds"] == 1).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="^ap must be above 0 in the dense network, got 0; average precision never is"):
        relative_change([[[0.0], [0.1]]])
    with pytest.raises(ValueError, match="^ap must hold at least two sparsities, got the dense network alone; mine at"):
        forgettability_curves([[[0.5]]])
    with pytest.raises(ValueError, match=r"^drop must be in \(0, 1\], got 20; 0.2 means a loss of 20 %"):
        first_drop([[-0.1]], (0.5,), drop=20)
    with pytest.raises(ValueError, match=r"^curves must be \(K - 1, C\) for the 2 sparsities above 0, got \(1, 1\)"):
        first_drop([[-0.1]], (0.0, 0.5, 0.9))
    with pytest.raises(ValueError, match="^classes must have one entry for each of 2 classes of ap, got 1"):
        class_changes(AP, ["Mass"], SPARSITIES, [120, 0])
    with pytest.raises(ValueError, match="^n_training must have one entry for each of 2 classes of ap, got 3"):
        class_changes(AP, ["Mass", "Hernia"], SPARSITIES, [120, 0, 1])
    with pytest.raises(ValueError, match="^sparsities must be the 3 of ap, ascending from 0"):
        class_changes(AP, ["Mass", "Hernia"], SPARSITIES[:2], [120, 0])
