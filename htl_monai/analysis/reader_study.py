"""Says whether readers find the images that pruning forgets noisier, poorer or more difficult than others."""

from __future__ import annotations

import warnings
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score
from statsmodels.formula.api import mixedlm

from htl_monai.statistics.bootstrap_interval import TOO_FEW, bootstrap_interval, too_few
from htl_monai.statistics.holm import holm

_EFFECTS = {"reader": "0 + C(reader)", "case": "0 + C(case)"}
_ESTIMATES = ("estimate", "low", "high", "p_value", "p_holm", "sd_reader", "sd_case", "sd_residual")
# Of the residual variance. Statsmodels then warns of the edge and of the errors of variances, which are not used here.
_NO_SPREAD = 1e-6


def analyse_ratings(ratings: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Estimate for each question how pruning-identified exemplars (PIEs) are rated above the others.

    Ratings of one reader are alike, and so are ratings of one image: a plain test would count them all as independent.
    A linear mixed model, rating ~ is_pie with crossed random intercepts for reader and case, fitted by REML, does not.
    It treats the steps of the scale as equal; its Wald test leans on a fair number of cases, such as the 40 of
    PruneCXR.

    Args:
        ratings: one row per reader, case and question: ``reader``, ``case``, ``is_pie``, ``question``, ``rating`` (NaN
            = missing, and left out).

    Returns:
        One row per question: ``question``, ``n_readers``, ``n_cases``, ``n_ratings``, ``n_missing``, ``mean_pie``,
        ``mean_other``, ``estimate`` (positive = PIEs are rated higher), ``low``, ``high``, ``p_value``, ``p_holm``
        (corrected over the questions), ``sd_reader``, ``sd_case``, ``sd_residual``, and ``note``, which says in words
        what is odd about the fit. Where no model can be fitted, or it does not converge, the estimate is NaN.

    Raises:
        KeyError: a column is missing.
        ValueError: ``confidence`` is out of range.
    """
    _require(ratings)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}; 0.95 is usual")
    rows = []
    for question, part in ratings.groupby("question", sort=False):
        given = part.dropna(subset=["rating"])
        means = given.groupby("is_pie")["rating"].mean()
        estimates, note = _fit(given, confidence)
        rows.append(
            {
                "question": question,
                "n_readers": given["reader"].nunique(),
                "n_cases": given["case"].nunique(),
                "n_ratings": len(given),
                "n_missing": len(part) - len(given),
                "mean_pie": means.get(True, np.nan),
                "mean_other": means.get(False, np.nan),
                **estimates,
                "note": note,
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"].to_numpy(dtype=np.float64)))


def group_means(ratings: pd.DataFrame, n_resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return the mean rating of PIEs and of others for each question, with a bootstrap-t interval over the cases.

    Args:
        ratings: as in :func:`analyse_ratings`.

    Returns:
        Two rows per question, the PIEs first: ``question``, ``is_pie``, ``n_cases``, ``n_ratings``, ``mean``, ``low``,
        ``high`` and ``note``; NaN for a group without ratings, and the ends where there are too few to say, as the note
        does.
    """
    _require(ratings)
    rows = []
    for question, is_pie in product(ratings["question"].unique(), (True, False)):
        part = ratings[(ratings["question"] == question) & (ratings["is_pie"] == is_pie)]
        cases = part.groupby("case")["rating"].mean().dropna()
        low, high = bootstrap_interval(cases, n_resamples, seed)
        counts = {"n_cases": len(cases), "n_ratings": int(part["rating"].count())}
        note = TOO_FEW if len(cases) and too_few(cases) else ""
        found = {"mean": cases.mean(), "low": low, "high": high, "note": note}
        rows.append({"question": question, "is_pie": is_pie} | counts | found)
    return pd.DataFrame(rows, columns=["question", "is_pie", "n_cases", "n_ratings", "mean", "low", "high", "note"])


def reader_agreement(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return how far the readers agree: Cohen's kappa with quadratic weights, over all pairs of readers.

    Args:
        ratings: as in :func:`analyse_ratings`.

    Returns:
        One row per question: ``question``, ``n_pairs`` (of readers whose kappa can be measured), ``kappa_mean``,
        ``kappa_min``, ``kappa_max`` in [-1, 1]; 1 = the same ratings, 0 = chance. NaN with less than two readers. A
        pair without a common case, or in which both always give one and the same rating, has no kappa.
    """
    _require(ratings)
    rows = []
    for question, part in ratings.groupby("question", sort=False):
        table = part.pivot(index="case", columns="reader", values="rating")
        pairs = (table[[a, b]].dropna().to_numpy() for a, b in combinations(table.columns, 2))
        kappas = [
            float(cohen_kappa_score(*pair.T.astype(int), weights="quadratic"))
            for pair in pairs
            if len(np.unique(pair)) > 1
        ]
        summary = [np.mean(kappas), np.min(kappas), np.max(kappas)] if kappas else [np.nan] * 3
        rows.append([question, len(kappas), *summary])
    return pd.DataFrame(rows, columns=["question", "n_pairs", "kappa_mean", "kappa_min", "kappa_max"])


def _fit(given: pd.DataFrame, confidence: float) -> tuple[dict[str, float], str]:
    """Return the estimates and a note in words; NaN with the reason where there are none."""
    nothing = dict.fromkeys(_ESTIMATES, np.nan)
    if given["is_pie"].nunique() < 2:
        return nothing, "only one of the two groups was rated"
    if given["reader"].nunique() < 2:
        return nothing, "one reader only: what is the image's and what the reader's cannot be told apart"
    if given["rating"].nunique() < 2:
        return nothing, "all ratings are the same"
    if given.groupby("is_pie")["case"].nunique().min() < 2:
        return nothing, "a group has one case only"
    data = given.assign(is_pie=given["is_pie"].astype(float), rating=given["rating"].astype(float))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # One group that holds all, within which reader and case vary: that is how crossed effects are written.
            model = mixedlm("rating ~ is_pie", data, groups=np.ones(len(data)), vc_formula=_EFFECTS)
            # A variance is often zero, at the edge of what it can be; gradient methods stop short of it.
            result = model.fit(reml=True, method="powell")
            low, high = result.conf_int(alpha=1 - confidence).loc["is_pie"]
        except (np.linalg.LinAlgError, ValueError) as error:
            return nothing, f"the mixed model could not be fitted: {' '.join(str(error).split())}"
    said = sorted({" ".join(str(warning.message).split()) for warning in caught})
    if not result.converged:
        return nothing, "; ".join(["the mixed model did not converge", *said])
    spread = dict(zip(model.exog_vc.names, np.sqrt(np.maximum(result.vcomp, 0)), strict=True))
    none = [f"no spread between {name}s was found" for name, sd in spread.items() if sd**2 < _NO_SPREAD * result.scale]
    estimates: dict[str, Any] = nothing | {
        "estimate": result.fe_params["is_pie"],
        "low": low,
        "high": high,
        "p_value": result.pvalues["is_pie"],
        "sd_reader": spread["reader"],
        "sd_case": spread["case"],
        "sd_residual": np.sqrt(result.scale),
    }
    if not np.isfinite([estimates[name] for name in ("estimate", "low", "high", "p_value")]).all():
        return nothing, "; ".join(["the mixed model has no finite interval", *said])
    return {name: float(value) for name, value in estimates.items()}, "; ".join(none or said)


def _require(ratings: pd.DataFrame) -> None:
    lacking = [name for name in ("reader", "case", "is_pie", "question", "rating") if name not in ratings]
    if lacking:
        raise KeyError(f"ratings must have the columns {lacking}, got {list(ratings.columns)}; use read_ratings")
