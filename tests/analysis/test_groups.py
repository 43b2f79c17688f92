"""Tests of summaries by group."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from htl_monai.analysis.groups import age_group, grouping, groups_of, groups_table, pairs_table, without_groups
from htl_monai.analysis.groups_of_forgetting import groups_of_forgetting
from htl_monai.statistics.bootstrap_interval import bootstrap_interval
from htl_monai.statistics.holm import holm


def build_table(n=90, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(np.array(["male", "female", None], dtype=object), n)
    return pd.DataFrame(
        {"sex": sex, "age": rng.choice([15.0, 30, 35, 50, 55, 85, np.nan], n), "drop": rng.uniform(size=n)}
    )


def summary_of(table, column, n_resamples=99, seed=0):
    return groups_table(table, {"drop": False}, [column], seed=seed, n_resamples=n_resamples)


def test_values_against_pandas_and_the_bootstrap():
    table = build_table()
    summary = summary_of(table, "sex", 500, seed=3).set_index("group")
    assert list(summary.index) == ["female", "male", "unknown"]
    for sex in ("female", "male"):
        values = table.loc[table["sex"] == sex, "drop"]
        assert summary.loc[sex, "n"] == len(values)
        assert summary.loc[sex, "mean"] == pytest.approx(values.mean())
        assert (summary.loc[sex, "low"], summary.loc[sex, "high"]) == bootstrap_interval(values, 500, 3)
        assert summary.loc[sex, "low"] == pytest.approx(values.mean() - 1.96 * stats.sem(values), abs=0.02)
    assert summary.loc["unknown", "n"] == table["sex"].isna().sum()
    assert summary["n"].sum() == len(table)


def test_small_groups_say_so():
    table = pd.DataFrame({"sex": ["male"] * 19 + ["female"] * 20, "drop": np.arange(39.0)})
    summary = summary_of(table, "sex", 99).set_index("group")
    assert summary["note"].tolist() == ["", "too few to say", ""]
    assert summary[["low", "high"]].isna().all(axis=1).tolist() == [False, True, True]


def test_subjects_are_resampled_where_they_are_known():
    rng = np.random.default_rng(0)
    once = pd.DataFrame({"drop": rng.normal(size=41), "subject": [f"patient_{n}" for n in range(41)]})
    once["sex"] = ["female", *["male"] * 40]
    tripled = pd.concat([once] * 3, ignore_index=True)
    apart, together = (summary_of(table, "sex", 999).loc[1] for table in (once, tripled))
    naive = summary_of(tripled.drop(columns="subject"), "sex", 999).loc[1]
    assert (together["n"], apart["n"]) == (120, 40)
    assert (together["low"], together["high"]) == pytest.approx((apart["low"], apart["high"]))
    assert naive["high"] - naive["low"] < 0.7 * (together["high"] - together["low"])


def test_missing_scores_are_counted_apart():
    table = pd.DataFrame({"sex": ["male", "male", "female", None], "drop": [0.2, np.nan, np.nan, np.nan]})
    summary = summary_of(table, "sex", 10)
    assert summary[["group", "n", "n_missing"]].values.tolist() == [["female", 0, 1], ["male", 1, 1], ["unknown", 0, 1]]
    assert summary["mean"].isna().tolist() == [True, False, True]
    assert summary[["low", "high"]].isna().all(axis=None)


def test_rows_in_another_order_give_the_same_counts_and_means():
    table = build_table()
    columns = ["group", "n", "n_missing", "mean"]
    expected = summary_of(table, "sex", 10)[columns]
    shuffled = summary_of(table.sample(frac=1, random_state=1), "sex", 10)[columns]
    pd.testing.assert_frame_equal(shuffled, expected)


def test_age_groups_keep_their_order_and_those_without_an_image():
    table = pd.DataFrame({"age": [85.0, 55, 20, None], "drop": [0.1, 0.2, 0.3, 0.4]})
    summary = summary_of(table, "age", 10)
    assert set(summary["column"]) == {"age_group"}
    assert summary["group"].tolist() == ["<= 30", "31-50", "> 50", "unknown"]
    assert summary["n"].tolist() == [1, 0, 2, 1]
    assert summary["mean"].tolist() == pytest.approx([0.3, np.nan, 0.15, 0.4], nan_ok=True)


def test_bounds_of_the_age_groups():
    ages = pd.Series([0, 30, 31, 50, 51, 85, None, np.nan], index=range(10, 18))
    groups = age_group(ages)
    assert groups.index.equals(ages.index)
    assert groups.tolist()[:6] == ["<= 30", "<= 30", "31-50", "31-50", "> 50", "> 50"]
    assert groups.isna().tolist() == [False] * 6 + [True] * 2
    assert groups.cat.ordered


def test_shares_of_the_paper_on_the_training_metadata():
    root = os.environ.get("HTL_DATA")
    if root is None:
        pytest.skip("set HTL_DATA to the folder that holds isic2017")
    files = sorted((Path(root) / "isic2017" / "ISIC-2017_Training_Data").glob("*metadata.csv"))
    assert files, "the official training data come with their metadata"
    ages = pd.to_numeric(pd.read_csv(files[0])["age_approximate"], errors="coerce")
    shares = age_group(ages).value_counts(normalize=True, sort=False)
    assert (100 * shares).round(2).tolist() == pytest.approx([23.80, 30.96, 45.24], abs=0.02)


def test_bad_input_is_refused():
    table = build_table()
    with pytest.raises(ValueError, match="^age_years must be at least 0, got -3.0; mark an unknown age"):
        age_group([20, -3])
    with pytest.raises(
        KeyError, match=r"table must have the columns \['site'\], got \['sex', 'age', 'drop'\]; name one"
    ):
        summary_of(table, "site")
    with pytest.raises(ValueError, match=r"^bins must be finite, ascending edges, got \[50, 30\] for age; \[30, 50\]"):
        groups_table(table, {"drop": False}, ["age"], bins={"age": [50, 30]})


def test_every_column_that_makes_groups_is_grouped_by_the_usual_ones_first():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"id": [f"{n}" for n in range(90)], "subject": "p", "hard": 0, "scanner": ["A", "B", "C"] * 30}
    )
    table = table.assign(
        area=rng.uniform(size=90),
        age=[20.0, 40.0, 60.0] * 30,
        sex=["male", "female"] * 45,
        file=table["id"],
        nothing=None,
    )
    groups = grouping(table, list(table))
    assert list(groups) == ["sex", "age_group", "scanner", "area"]
    assert groups["area"].value_counts().tolist() == [30, 30, 30]
    mined = table.assign(forgetting=0.1, forgetting_relative=0.5)
    found = groups_of_forgetting(mined, columns=list(table)).set_index(["column", "group"])
    assert found.loc["scanner", "share_of_forgotten"].dropna().tolist() == pytest.approx([1 / 3] * 3)
    assert found.loc["area", "n"].tolist() == [30, 30, 30, 0]
    assert without_groups(table, list(table)) == "No groups are made of file (90 different values); at most 20 are."
    assert without_groups(table, ["area", "sex", "nothing"]) is None


def planted_table(n=240):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"sex": ["male", "female"] * (n // 2), "site": ["back", "arm", "arm", "leg"] * (n // 4)})
    table["iou"] = rng.normal(0.8, 0.05, n) - 0.3 * ((table["sex"] == "male") & (table["site"] == "back"))
    return table


def test_gaps_are_to_the_whole_the_best_group_and_the_rest():
    table = planted_table()
    found = groups_table(table, {"iou": True}, n_resamples=99)
    site = found[found["column"] == "site"].set_index("group")
    means = table.groupby("site")["iou"].mean()
    assert site["gap_whole"].drop("unknown").to_dict() == pytest.approx((means - table["iou"].mean()).to_dict())
    assert site["gap_best"].drop("unknown").to_dict() == pytest.approx((means - means.max()).to_dict())
    back = table["site"] == "back"
    welch = stats.ttest_ind(table.loc[back, "iou"], table.loc[~back, "iou"], equal_var=False)
    assert site.loc["back", "p"] == pytest.approx(welch.pvalue)
    assert found["p_holm"].tolist() == pytest.approx(holm(found["p"]).tolist(), nan_ok=True)
    lower_is_better = groups_table(table, {"iou": False}, ["site"], n_resamples=99).set_index("group")
    assert lower_is_better["gap_best"].drop("unknown").to_dict() == pytest.approx((means - means.min()).to_dict())


def test_one_image_is_never_the_best_group_and_has_no_p_value():
    table = planted_table()
    table.loc[0, ["site", "iou"]] = "foot", 1.0
    site = groups_table(table, {"iou": True}, ["site"], n_resamples=99).set_index("group")
    assert site.loc["foot", "note"] == "too few to say" and np.isnan(site.loc["foot", "p"])
    assert site.loc["foot", "gap_best"] > 0 and site["p"].drop(["foot", "unknown"]).notna().all()


def test_pairs_show_what_single_columns_hide():
    table = planted_table().assign(name=range(240))
    pairs = pairs_table(table, {"iou": True}, ["sex", "site"], n_resamples=99)
    assert set(pairs["column"]) == {"sex × site"} and pairs.loc[pairs["mean"].idxmin(), "group"] == "male × back"
    assert pairs.set_index("group").loc["male × back", "n"] == 60 and "female × back" not in set(pairs["group"])
    assert pairs.loc[pairs["mean"].idxmin(), "p_holm"] < 1e-6


def test_given_bins_and_numbers_that_are_not_finite():
    table = pd.DataFrame({"age": [20.0, 64, 65, 66, None], "drop": [0.1, 0.2, np.inf, 0.4, 0.5]}, index=[0, 0, 1, 1, 2])
    found = groups_table(table, {"drop": False}, bins={"age": [65]})
    assert found[["column", "group", "n", "n_missing"]].values.tolist() == [
        ["age_group", "<= 65", 2, 1],
        ["age_group", "> 65", 1, 0],
        ["age_group", "unknown", 1, 0],
    ]
    assert groups_of(pd.Series(["unknown", "a", None, "b"])).isna().tolist() == [True, False, True, False]
