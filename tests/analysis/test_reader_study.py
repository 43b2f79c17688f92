"""Tests of the analysis of ratings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.multitest import multipletests

from htl_monai.analysis.reader_study import analyse_ratings, group_means, reader_agreement

QUESTIONS = ("label_noise", "image_quality", "difficulty")


def draw(effects=(0.9, -0.6, 0.0), n_readers=5, n_cases=30, seed=0):
    """Ratings of every reader and case, not rounded, whose first half of the cases has the effect."""
    rng = np.random.default_rng(seed)
    rows = []
    for question, effect in zip(QUESTIONS, effects, strict=True):
        readers, cases = rng.normal(0, 0.4, n_readers), rng.normal(0, 0.5, n_cases)
        for r in range(n_readers):
            for c in range(n_cases):
                is_pie = c < n_cases // 2
                rating = 3 + effect * is_pie + readers[r] + cases[c] + rng.normal(0, 0.6)
                rows.append([f"reader_{r}", f"case_{c:02}", is_pie, question, rating])
    return pd.DataFrame(rows, columns=["reader", "case", "is_pie", "question", "rating"])


def test_where_every_reader_rates_every_case_it_is_the_t_test_of_the_cases_means():
    # Reader effects then cancel in the cases' means, and REML's variance of these is the pooled one.
    ratings = draw()
    table = analyse_ratings(ratings).set_index("question")
    for question, part in ratings.groupby("question"):
        means = part.groupby(["case", "is_pie"])["rating"].mean().reset_index()
        pie, other = (means.loc[means["is_pie"] == flag, "rating"] for flag in (True, False))
        expected = pie.mean() - other.mean()
        error = expected / stats.ttest_ind(pie, other).statistic
        row = table.loc[question]
        assert row["estimate"] == pytest.approx(expected, abs=1e-6)
        np.testing.assert_allclose([row["low"], row["high"]], expected + np.array([-1.96, 1.96]) * error, atol=2e-3)
        assert row["p_value"] == pytest.approx(2 * stats.norm.sf(abs(expected / error)), rel=0.03)


def test_where_ratings_are_missing_it_is_statsmodels_mixed_model_of_matrices():
    ratings = draw(seed=3)
    ratings.loc[np.random.default_rng(1).random(len(ratings)) < 0.2, "rating"] = np.nan
    row = analyse_ratings(ratings).iloc[0]
    data = ratings[ratings["question"] == "label_noise"].dropna()
    assert (row["n_ratings"], row["n_missing"]) == (len(data), 150 - len(data))
    names, matrices = ["case", "reader"], [[pd.get_dummies(data[name]).to_numpy(float)] for name in ("case", "reader")]
    spec = sm.regression.mixed_linear_model.VCSpec(names, [[list(range(m[0].shape[1]))] for m in matrices], matrices)
    design = sm.add_constant(data["is_pie"].to_numpy(float))
    result = sm.MixedLM(data["rating"].to_numpy(), design, np.ones(len(data)), exog_vc=spec).fit(reml=True)
    assert row["estimate"] == pytest.approx(result.params[1], abs=1e-4)
    np.testing.assert_allclose([row["low"], row["high"]], result.conf_int()[1], atol=1e-3)
    np.testing.assert_allclose(row[["sd_case", "sd_reader"]].astype(float), np.sqrt(result.vcomp), atol=1e-3)


def test_where_readers_and_cases_do_not_differ_it_is_ordinary_least_squares_and_says_so():
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        cells = [(f"r{r}", f"c{c:02}", c < 6, "difficulty") for r in range(3) for c in range(12)]
        ratings = pd.DataFrame(cells, columns=["reader", "case", "is_pie", "question"])
        ratings["rating"] = (3 + 1.2 * ratings["is_pie"] + rng.normal(0, 0.6, len(ratings))).round()
        row = analyse_ratings(ratings).iloc[0]
        assert np.isfinite([row["low"], row["high"]]).all()
        if row["note"] == "no spread between cases was found; no spread between readers was found":
            plain = sm.OLS(ratings["rating"], sm.add_constant(ratings["is_pie"].astype(float))).fit()
            error = (row["high"] - row["low"]) / (2 * stats.norm.ppf(0.975))
            assert (row["estimate"], error) == (
                pytest.approx(plain.params["is_pie"]),
                pytest.approx(plain.bse["is_pie"], rel=1e-4),
            )
            found.append(seed)
    assert found


def test_planted_effects_are_recovered_and_corrected_over_the_questions():
    table = analyse_ratings(draw(n_cases=40)).set_index("question")
    for question, effect in zip(QUESTIONS, (0.9, -0.6, 0.0), strict=True):
        assert table.loc[question, "low"] < effect < table.loc[question, "high"]
        assert (table.loc[question, "p_holm"] < 0.05) == (effect != 0)
    np.testing.assert_allclose(table["p_holm"], multipletests(table["p_value"], method="holm")[1])
    assert (table["note"] == "").all() and (table["n_readers"] == 5).all() and (table["n_cases"] == 40).all()
    np.testing.assert_allclose(table["estimate"], table["mean_pie"] - table["mean_other"], atol=1e-6)


def test_what_cannot_be_fitted_is_nan_with_the_reason():
    ratings = draw(n_readers=3, n_cases=12)
    ratings.loc[ratings["question"] == "image_quality", "rating"] = 3
    table = analyse_ratings(ratings).set_index("question")
    assert table.loc["image_quality", "note"] == "all ratings are the same"
    assert table.loc["image_quality", ["estimate", "low", "high", "p_value", "p_holm"]].isna().all()
    measured = table.drop(index="image_quality")
    np.testing.assert_allclose(measured["p_holm"], multipletests(measured["p_value"], method="holm")[1])
    one = analyse_ratings(draw(n_readers=1))
    assert one["note"].str.startswith("one reader only").all() and one["estimate"].isna().all()
    assert one["mean_pie"].notna().all()
    pies = draw()
    pies.loc[~pies["is_pie"], "rating"] = np.nan
    assert set(analyse_ratings(pies)["note"]) == {"only one of the two groups was rated"}
    two = draw(n_cases=2)
    assert set(analyse_ratings(two)["note"]) == {"a group has one case only"}


def test_a_fit_that_does_not_converge_is_not_reported(monkeypatch):
    from statsmodels.regression.mixed_linear_model import MixedLM

    def unconverged(self, *args, fit=MixedLM.fit, **kwargs):
        result = fit(self, *args, **kwargs)
        result._results.converged = False
        return result

    monkeypatch.setattr(MixedLM, "fit", unconverged)
    table = analyse_ratings(draw(n_readers=3, n_cases=12))
    assert table["note"].str.startswith("the mixed model did not converge").all()
    assert table[["estimate", "low", "high", "p_value", "p_holm"]].isna().all(axis=None)


def test_group_means_are_those_of_the_cases():
    ratings = draw(n_cases=60)
    ratings.loc[0, "rating"] = np.nan
    table = group_means(ratings, n_resamples=500)
    assert table["question"].tolist() == [name for name in QUESTIONS for _ in range(2)]
    assert table["is_pie"].tolist() == [True, False] * 3
    part = ratings[(ratings["question"] == "label_noise") & ratings["is_pie"]]
    cases = part.groupby("case")["rating"].mean()
    first = table.iloc[0]
    assert (first["n_cases"], first["n_ratings"], first["note"]) == (30, 149, "")
    assert first["mean"] == pytest.approx(cases.mean())
    error = stats.sem(cases)
    np.testing.assert_allclose([first["low"], first["high"]], first["mean"] + np.array([-1.96, 1.96]) * error, atol=0.1)


def test_means_of_few_cases_say_so():
    table = group_means(draw(n_cases=30), n_resamples=50)
    assert (table["note"] == "too few to say").all() and table[["low", "high"]].isna().all(axis=None)
    assert table["mean"].notna().all()


def test_agreement_is_the_mean_weighted_kappa_of_the_pairs():
    rng = np.random.default_rng(0)
    base = rng.integers(1, 6, 20)
    answers = {"a": base, "b": np.clip(base + rng.integers(-1, 2, 20), 1, 5), "c": rng.integers(1, 6, 20)}
    rows = [
        [reader, f"case_{c}", c < 10, "difficulty", float(value)]
        for reader, values in answers.items()
        for c, value in enumerate(values)
    ]
    ratings = pd.DataFrame(rows, columns=["reader", "case", "is_pie", "question", "rating"])
    expected = [cohen_kappa_score(answers[x], answers[y], weights="quadratic") for x, y in ("ab", "ac", "bc")]
    table = reader_agreement(ratings)
    assert table.values.tolist()[0] == [
        "difficulty", 3, pytest.approx(np.mean(expected)), pytest.approx(min(expected)), pytest.approx(max(expected)),
    ]  # fmt: skip
    alone = reader_agreement(ratings[ratings["reader"] == "a"])
    assert alone["n_pairs"].tolist() == [0] and np.isnan(alone["kappa_mean"]).all()
    same = reader_agreement(ratings.assign(rating=3.0))
    assert same["n_pairs"].tolist() == [0] and np.isnan(same["kappa_mean"]).all()


def test_bad_ratings_are_refused():
    for analyse in (analyse_ratings, group_means, reader_agreement):
        with pytest.raises(KeyError, match=r"ratings must have the columns \['is_pie'\], got \['reader', 'case', "):
            analyse(draw().drop(columns="is_pie"))
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95; 0.95 is usual"):
        analyse_ratings(draw(), confidence=95)
