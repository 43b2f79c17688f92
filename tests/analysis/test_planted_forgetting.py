"""Every statistic of PruneCXR on a planted truth: predictions whose rare classes are forgotten at known sparsities.

Forty test images, five classes, three seeds, five sparsities. In a network that has forgotten nothing of a class, its
positive images are ranked first; one that has forgotten it ranks m negative images before them, so that its average
precision is the mean of j / (m + j) over its p positives. The rarer a class, the earlier and deeper it falls.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from sklearn.metrics import average_precision_score

from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.correlations import correlations
from htl_monai.analysis.fcd_regression import regress_fcd
from htl_monai.analysis.forgettability import (
    class_changes,
    first_drop,
    first_significant,
    forgettability_curves,
    overall_drop,
)
from htl_monai.analysis.over_representation import over_representation
from htl_monai.analysis.pairs_of_classes import class_pairs_table, co_occurrence_iou, forgettability_dissimilarity
from htl_monai.ranking.pie_modal import modal_disagreement
from htl_monai.ranking.pie_spearman import class_order_lost, rank_correlation
from htl_monai.ranking.pie_taxicab import taxicab
from htl_monai.ranking.selection import top_share

CLASSES = ("No Finding", "Effusion", "Mass", "Fibrosis", "Hernia")
SPARSITIES = (0.0, 0.25, 0.5, 0.75, 0.9)
N_IMAGES = 40
IMAGES = {
    "No Finding": range(16),
    "Effusion": range(16, 24),
    "Mass": range(22, 26),
    "Fibrosis": range(24, 27),
    "Hernia": (23, 26),
}
N_TEST = [16, 8, 4, 3, 2]
N_TRAINING = [1600, 800, 400, 300, 20]
# Negative images ranked before the positive ones, at each sparsity, for seed 0, 1, 2; the middle one is the median.
AHEAD = {
    "No Finding": [(0, 0, 0)] * 5,
    "Effusion": [(0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0), (7, 8, 9)],
    "Mass": [(0, 0, 0), (0, 0, 0), (0, 0, 0), (3, 4, 5), (11, 12, 13)],
    "Fibrosis": [(0, 0, 0), (0, 0, 0), (2, 3, 4), (9, 10, 11), (17, 18, 19)],
    "Hernia": [(0, 0, 0), (0, 2, 9), (7, 8, 10), (18, 18, 18), (36, 37, 38)],
}
PIES = (23, 24)


def labels():
    table = np.zeros((N_IMAGES, len(CLASSES)))
    for c, name in enumerate(CLASSES):
        table[list(IMAGES[name]), c] = 1
    return table


def predictions():
    """Return ``(R, K, N, C)``: falling scores along the ranking that :data:`AHEAD` plants."""
    result = np.empty((3, len(SPARSITIES), N_IMAGES, len(CLASSES)), dtype=np.float32)
    for c, name in enumerate(CLASSES):
        found = list(IMAGES[name])
        others = [i for i in range(N_IMAGES) if i not in found]
        for k, seeds in enumerate(AHEAD[name]):
            for r, ahead in enumerate(seeds):
                result[r, k, [*others[:ahead], *found, *others[ahead:]], c] = np.linspace(0.99, 0.01, N_IMAGES)
    return result


def planted_ap(name, k, seed):
    """The closed form, in whole numbers."""
    positives, ahead = len(IMAGES[name]), AHEAD[name][k][seed]
    return sum(Fraction(j, ahead + j) for j in range(1, positives + 1)) / positives


def planted_curves():
    """Dense networks rank perfectly, so a curve is the middle seed's average precision less 1."""
    return np.array([[float(planted_ap(name, k, 1) - 1) for name in CLASSES] for k in range(1, len(SPARSITIES))])


@pytest.fixture(scope="module")
def ap():
    return average_precision(labels(), predictions())


def test_average_precision_is_the_closed_form_and_that_of_scikit_learn(ap):
    truth, probabilities = labels(), predictions()
    assert float(planted_ap("Hernia", 1, 1)) == pytest.approx((1 / 3 + 2 / 4) / 2)
    for r, k, c in np.ndindex(3, len(SPARSITIES), len(CLASSES)):
        assert ap[r, k, c] == pytest.approx(float(planted_ap(CLASSES[c], k, r)), abs=1e-12)
        assert ap[r, k, c] == pytest.approx(average_precision_score(truth[:, c], probabilities[r, k, :, c]), abs=1e-12)


def test_curves_and_first_drops_are_the_planted_ones(ap):
    curves = forgettability_curves(ap)
    np.testing.assert_allclose(curves, planted_curves(), atol=1e-12)
    assert curves[0].tolist() == pytest.approx([0, 0, 0, 0, -7 / 12])
    np.testing.assert_array_equal(first_drop(curves, SPARSITIES), [np.nan, 0.9, 0.75, 0.5, 0.25])


def test_changes_of_the_rarest_class_with_the_spread_of_the_seeds(ap):
    table = class_changes(ap, CLASSES, SPARSITIES, N_TRAINING)
    hernia = table[(table["class"] == "Hernia") & (table["sparsity"] == 0.25)].iloc[0]
    seeds = np.array([1, 5 / 12, (1 / 10 + 2 / 11) / 2])
    assert hernia["ap_mean"] == pytest.approx(seeds.sum() / 3)
    assert hernia["ap_std"] == pytest.approx(np.sqrt(((seeds - seeds.mean()) ** 2).sum() / 2))
    assert hernia["change_median"] == pytest.approx(5 / 12 - 1)
    assert (hernia["change_low"], hernia["change_high"]) == pytest.approx(
        ((seeds[1] + seeds[2]) / 2 - 1, (seeds[0] + seeds[1]) / 2 - 1)
    )
    assert hernia["n_training"] == 20


def test_overall_loss_is_significant_only_where_the_seeds_agree(ap):
    table = overall_drop(ap, SPARSITIES)
    means = np.array([[float(sum(planted_ap(name, k, r) for name in CLASSES) / 5) for k in range(5)] for r in range(3)])
    np.testing.assert_allclose(table["ap_mean"], means.mean(axis=0))
    differences = means[:, 1:] - 1
    t = differences.mean(axis=0) / (differences.std(axis=0, ddof=1) / np.sqrt(3))
    # Student's distribution with two degrees of freedom in closed form.
    p = 0.5 + t / (2 * np.sqrt(2 + t**2))
    np.testing.assert_allclose(table["p_value"][1:], p, rtol=1e-6)
    order = np.argsort(p)
    holm = np.maximum.accumulate(p[order] * [4, 3, 2, 1])
    np.testing.assert_allclose(table["p_holm"].to_numpy()[1:][order], holm, rtol=1e-6)
    # At 0.25 one seed loses nothing of the rarest class, one a little, one nearly all.
    assert table["significant"][1:].tolist() == [False, True, True, True]
    assert first_significant(table) == 0.5


def test_dissimilarity_of_two_classes_by_hand(ap):
    mse, euclidean = forgettability_dissimilarity(forgettability_curves(ap))
    effusion = [0, 0, 0, float(planted_ap("Effusion", 4, 1)) - 1]
    hernia = [float(planted_ap("Hernia", k, 1)) - 1 for k in (1, 2, 3, 4)]
    squares = [(a - b) ** 2 for a, b in zip(effusion, hernia, strict=True)]
    assert mse[1, 4] == pytest.approx(sum(squares) / 4)
    assert euclidean[4, 1] == pytest.approx(sum(squares) ** 0.5)
    # The common class loses nothing: its distance is the length of the other's curve.
    assert euclidean[0, 4] == pytest.approx(sum(value**2 for value in hernia) ** 0.5)


def test_co_occurrence_is_counted():
    iou = co_occurrence_iou(labels())
    expected = {(1, 2): 2 / 10, (2, 3): 2 / 5, (1, 4): 1 / 9, (2, 4): 1 / 5, (3, 4): 1 / 4, (1, 3): 0, (0, 1): 0}
    for pair, value in expected.items():
        assert iou[pair] == iou[pair[::-1]] == pytest.approx(value)
    assert np.diag(iou).tolist() == [1] * 5


def test_regression_is_that_of_lstsq_and_of_permuted_classes(ap):
    curves = forgettability_curves(ap)
    pairs = class_pairs_table(CLASSES, curves, N_TEST, co_occurrence_iou(labels()))
    planted = planted_curves()
    rows = []
    for a, b in combinations(range(5), 2):
        shared = len(set(IMAGES[CLASSES[a]]) & set(IMAGES[CLASSES[b]]))
        iou = shared / (N_TEST[a] + N_TEST[b] - shared)
        gap = abs(np.log(N_TEST[a] / N_TEST[b]))
        rows.append([((planted[:, a] - planted[:, b]) ** 2).sum() ** 0.5, 1, gap, iou**0.25, gap * iou**0.25])
    response, design = np.array(rows)[:, 0], np.array(rows)[:, 1:]
    solution, residual, *_ = np.linalg.lstsq(design, response, rcond=None)
    fit = regress_fcd(pairs)
    np.testing.assert_allclose(fit["estimate"], solution, rtol=1e-9)
    # By hand: the ratio of the interaction to its error in each of the 120 orders of the classes.
    others = design[:, :3]
    left = design[:, 3] - others @ np.linalg.lstsq(others, design[:, 3], rcond=None)[0]
    square = np.zeros((5, 5))
    square[np.triu_indices(5, 1)] = left
    found = []
    for order in permutations(range(5)):
        term = (square + square.T)[np.ix_(order, order)][np.triu_indices(5, 1)]
        fitted = sm.OLS(response, np.column_stack([others, term])).fit()
        found.append(abs(fitted.tvalues[3]))
    assert fit.loc[3, "p_value"] == pytest.approx(np.mean(np.array(found) >= found[0] * (1 - 1e-9)))
    assert fit["low"].isna().all()  # five classes are too few to say
    np.testing.assert_allclose(fit["r_squared"], 1 - residual[0] / ((response - response.mean()) ** 2).sum())
    by_formula = smf.ols("fcd_euclidean ~ delta_log_frequency * iou_root4", pairs).fit()
    np.testing.assert_allclose(fit["estimate"], by_formula.params)
    assert fit.loc[1, "estimate"] > 0  # the wider the gap, the more differently they are forgotten
    assert (fit["n"] == 10).all()


def test_the_rarer_the_earlier_forgotten(ap):
    curves = forgettability_curves(ap)
    table = correlations(np.log(N_TRAINING), first_drop(curves, SPARSITIES), "log_n_training", "first_drop")
    assert (table["n"] == 4).all() and (table["n_missing"] == 1).all()  # the common class is never forgotten
    x, y = np.log(N_TRAINING[1:]), [0.9, 0.75, 0.5, 0.25]
    assert table.loc[0, "estimate"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx(list(stats.pearsonr(x, y).confidence_interval()))
    assert table.loc[1, "estimate"] == 1
    at_highest = correlations(np.log(N_TRAINING), curves[-1])
    assert at_highest["estimate"].tolist() == pytest.approx(
        [np.corrcoef(np.log(N_TRAINING), planted_curves()[-1])[0, 1], 1]
    )


def turned_images():
    """Networks whose pruned self turns the order of the classes round for the two PIEs, and keeps it for the rest."""
    dense = np.random.default_rng(0).permuted(np.tile([0.9, 0.7, 0.5, 0.3, 0.2], (N_IMAGES, 1)), axis=1)
    pruned = dense / 2
    pruned[list(PIES)] = 1 - dense[list(PIES)]
    return dense, pruned


def test_pies_are_the_planted_ones_by_every_definition():
    dense, pruned = turned_images()
    expected = np.isin(np.arange(N_IMAGES), PIES)
    assert rank_correlation(dense, pruned).tolist() == pytest.approx(np.where(expected, -1, 1).tolist())
    # Half of 0.9 + 0.7 + 0.5 + 0.3 + 0.2; turned round, |1 - 2 p| for each.
    distance = taxicab(dense, pruned)
    assert distance.tolist() == pytest.approx(np.where(expected, 0.8 + 0.4 + 0 + 0.4 + 0.6, 1.3).tolist())
    np.testing.assert_array_equal(top_share(class_order_lost(dense, pruned), 0.05), expected)
    np.testing.assert_array_equal(top_share(distance, 0.05), expected)
    seeds = np.stack([dense] * 3), np.stack([pruned, pruned, dense])  # one of three forgets nothing: outvoted
    np.testing.assert_array_equal(modal_disagreement(*seeds), expected)


def test_ratios_of_the_planted_pies_by_hand():
    is_pie = np.isin(np.arange(N_IMAGES), PIES)
    table = over_representation(labels(), is_pie, CLASSES).set_index("group")
    # Image 23 has effusion, mass and hernia; image 24 has mass and fibrosis; 38 images are no PIEs.
    expected = {
        "No Finding": 0 / (16 / 38),
        "Effusion": (1 / 2) / (7 / 38),
        "Mass": (2 / 2) / (2 / 38),
        "Fibrosis": (1 / 2) / (2 / 38),
        "Hernia": (1 / 2) / (1 / 38),
        "0 findings": 0 / (29 / 38),
        "1 finding": 0 / (6 / 38),
        "2 findings": (1 / 2) / (3 / 38),
        "3 findings": np.inf,
        "4+ findings": np.nan,
    }
    np.testing.assert_allclose(table["ratio"], list(expected.values()))
    assert table.index.tolist() == list(expected)
    assert table["n"].tolist() == [16, 8, 4, 3, 2, 29, 6, 4, 1, 0]
