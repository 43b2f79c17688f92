"""Counts by simulation how often each interval of the package covers the truth, and how often chance is significant.

python scripts/coverage_of_intervals.py results/coverage_of_intervals.csv    # about ten minutes of one core

One row is a procedure, a distribution and a size. ``said`` is the share of samples for which it gives an interval
(the others are too few to say), ``coverage`` the share of those that hold the truth, ``missed`` the share of all
samples whose interval does not, ``rejected`` the share of p-values of at most 0.05 where there is no effect. Where
hardly any sample has an interval, those that have are the odd ones, with more events than there should be: read
``missed`` there. The columns ``plain_*`` are the same of what is usually done: percentiles of a bootstrap over images,
or a test that takes all values for independent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from htl_monai.analysis.correlations import pair_correlations
from htl_monai.analysis.fcd_regression import regress_fcd
from htl_monai.analysis.seeds_and_images import seeds_and_images_interval
from htl_monai.data.files import write_csv
from htl_monai.statistics.bootstrap_interval import bootstrap_interval
from htl_monai.statistics.ratio_interval import ratio_interval
from htl_monai.statistics.share_interval import share_interval

COLUMNS = (
    *("procedure", "distribution", "size", "simulations", "said", "coverage", "missed", "plain_coverage"),
    *("rejected", "plain_rejected"),
)
N_RESAMPLES = 500
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
Trial = Callable[[np.random.Generator], dict[str, float]]

MEANS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "skewed (exponential)": (lambda rng, n: rng.exponential(size=n), 1.0),
    "very skewed (lognormal)": (lambda rng, n: rng.lognormal(0, 1, n), float(np.exp(0.5))),
    "30 % are not 0": (lambda rng, n: (rng.random(n) < 0.3) * rng.uniform(0.2, 1, n), 0.18),
    "5 % are not 0": (lambda rng, n: (rng.random(n) < 0.05) * rng.uniform(0.2, 1, n), 0.03),
    "forgetting: 10 % lose much": (
        lambda rng, n: np.where(rng.random(n) < 0.1, rng.uniform(0.3, 1, n), rng.normal(0.02, 0.05, n)),
        0.1 * 0.65 + 0.9 * 0.02,
    ),
}


def mean(draw: Draw, truth: float, n: int, rng: np.random.Generator) -> dict[str, float]:
    values = draw(rng, n)
    ends = bootstrap_interval(values, N_RESAMPLES, int(rng.integers(2**31)))
    return _covers(ends, truth) | _covers(_percentiles(values, rng), truth, "plain_coverage")


def mean_of_subjects(n_subjects: int, skewed: bool, rng: np.random.Generator) -> dict[str, float]:
    """One to five images a subject, which are alike."""
    subjects = np.repeat(np.arange(n_subjects), rng.integers(1, 6, n_subjects))
    own = rng.exponential(size=n_subjects) - 1 if skewed else rng.normal(size=n_subjects)
    values = own[subjects] + 0.5 * rng.normal(size=len(subjects))
    ends = bootstrap_interval(values, N_RESAMPLES, int(rng.integers(2**31)), subjects=subjects)
    return _covers(ends, 0.0) | _covers(_percentiles(values, rng), 0.0, "plain_coverage")


def share(truth: float, n: int, images: int, rng: np.random.Generator) -> dict[str, float]:
    """Where a subject has several images, three in four are as its first."""
    subjects = np.repeat(np.arange(n), images)
    alike = (rng.random(n) < truth)[subjects]
    events = np.where(rng.random(len(subjects)) < 0.75, alike, rng.random(len(subjects)) < truth).astype(float)
    ends = share_interval(events, subjects=subjects)
    return _covers(ends, truth) | _covers(_percentiles(events, rng), truth, "plain_coverage")


def ratio(one: float, other: float, n: int, rng: np.random.Generator) -> dict[str, float]:
    """Shares of ``n`` PIEs and of twenty times as many others."""
    events, others = rng.binomial(n, one), rng.binomial(20 * n, other)
    low, high, p_value = ratio_interval(events, n, others, 20 * n)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = rng.binomial(n, events / n, N_RESAMPLES) / n / (rng.binomial(20 * n, others / (20 * n), N_RESAMPLES))
    known = drawn[~np.isnan(drawn)] * 20 * n
    plain = np.quantile(known, [0.025, 0.975], method="inverted_cdf") if len(known) else (np.nan, np.nan)
    found = _covers((low, high), one / other) | _covers(plain, one / other, "plain_coverage")
    return found | ({"rejected": float(p_value <= 0.05)} if one == other else {})


def seeds(n_seeds: int, sd_seed: float, skewed: bool, rng: np.random.Generator) -> dict[str, float]:
    """Differences of 100 images that two methods would score the same; what is usual looks at one pair of networks."""
    noise = (lambda *shape: rng.exponential(size=shape) - 1) if skewed else (lambda *shape: rng.normal(size=shape))
    differences = sd_seed * rng.normal(size=(n_seeds, 1)) + 0.5 * noise(1, 100) + 0.5 * noise(n_seeds, 100)
    found = seeds_and_images_interval(differences)
    plain = stats.ttest_1samp(differences[0], 0)
    return (
        _covers((found.low, found.high), 0.0)
        | _covers(tuple(plain.confidence_interval()), 0.0, "plain_coverage")
        | {"rejected": float(found.p_value <= 0.05), "plain_rejected": float(plain.pvalue <= 0.05)}
    )


def pairs(n_classes: int, x: str, skewed: bool, rng: np.random.Generator) -> dict[str, float]:
    """Co-occurrence follows frequency, forgetting does not; some classes lie far from all others."""
    table = _pairs(n_classes, skewed, rng)
    found = pair_correlations(table, x, "fcd_euclidean", 499, int(rng.integers(2**31))).iloc[0]
    plain = stats.pearsonr(table[x], table["fcd_euclidean"])
    return (
        _covers((found["low"], found["high"]), 0.0)
        | _covers(tuple(plain.confidence_interval()), 0.0, "plain_coverage")
        | {"rejected": float(found["p_value"] <= 0.05), "plain_rejected": float(plain.pvalue <= 0.05)}
    )


def regression(n_classes: int, term: str, skewed: bool, rng: np.random.Generator) -> dict[str, float]:
    """The same pairs; what is usual is ordinary least squares of all of them."""
    table = _pairs(n_classes, skewed, rng)
    found = regress_fcd(table, n_permutations=499, seed=int(rng.integers(2**31))).set_index("term").loc[term]
    gap, together = table["delta_log_frequency"], table["iou_root4"]
    design = np.column_stack([np.ones(len(table)), gap, together, gap * together])
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ design.T @ table["fcd_euclidean"].to_numpy()
    left = table["fcd_euclidean"].to_numpy() - design @ slopes
    degrees, k = len(table) - 4, ("intercept", "delta_log_frequency", "iou_root4").index(term)
    t = slopes[k] / np.sqrt(inverse[k, k] * (left @ left) / degrees)
    covered = float(abs(t) <= stats.t.ppf(0.975, degrees))
    return _covers((found["low"], found["high"]), 0.0) | {
        "plain_coverage": covered,
        "rejected": float(found["p_value"] <= 0.05),
        "plain_rejected": 1 - covered,
    }


def trials() -> Iterator[tuple[str, str, str, float, Trial]]:
    """Yield procedure, distribution, size, how many of the simulations to make, and the trial."""
    for name, (draw, truth) in MEANS.items():
        for n in (5, 10, 20, 30, 50, 100, 300):
            yield "mean", name, f"{n} images", 1.0 if n < 100 else 0.5, partial(mean, draw, truth, n)
    for skewed in (False, True):
        for n in (20, 50, 150):
            yield "mean", _name(skewed), f"{n} subjects of 1 to 5 images", 0.5, partial(mean_of_subjects, n, skewed)
    for truth in (0.02, 0.1, 0.5):
        for n, images in ((5, 1), (20, 1), (50, 1), (20, 3), (50, 3)):
            size = f"{n} images" if images == 1 else f"{n} subjects of {images} images"
            yield "share", f"share {truth}", size, 1.0, partial(share, truth, n, images)
    for one, other in ((0.02, 0.02), (0.1, 0.1), (0.3, 0.1), (0.1, 0.02), (0.02, 0.1)):
        for n in (10, 27, 100):
            yield "ratio", f"{one} of PIEs, {other} of others", f"{n} PIEs", 1.0, partial(ratio, one, other, n)
    for skewed in (False, True):
        for sd in (0.0, 0.1, 0.5):
            for n in (2, 3, 5, 10):
                distribution = f"{_name(skewed)} images, standard deviation {sd} between seeds"
                yield "seeds and images", distribution, f"{n} seeds, 100 images", 1.0, partial(seeds, n, sd, skewed)
    for skewed in (False, True):
        for n in (8, 15, 20):
            for x in ("delta_log_frequency", "iou_root4"):
                yield (
                    "correlation of pairs",
                    f"{x}, {_name(skewed)}",
                    f"{n} classes",
                    0.25,
                    partial(pairs, n, x, skewed),
                )
                yield (
                    "regression on pairs",
                    f"{x}, {_name(skewed)}",
                    f"{n} classes",
                    0.25,
                    partial(regression, n, x, skewed),
                )


def simulated(simulations: int, seed: int) -> pd.DataFrame:
    """Return the table; each row has its own stream of random numbers."""
    rows = []
    for number, (procedure, distribution, size, part, trial) in enumerate(trials()):
        rng, count = np.random.default_rng([seed, number]), max(1, round(part * simulations))
        found = pd.DataFrame([trial(rng) for _ in range(count)])
        rows.append(
            {"procedure": procedure, "distribution": distribution, "size": size, "simulations": count}
            | {"said": found["coverage"].notna().mean(), "missed": (found["coverage"] == 0).mean()}
            | found.mean().to_dict()
        )
        print(f"{procedure}, {distribution}, {size}: coverage {rows[-1]['coverage']:.3f}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows, columns=COLUMNS).round(4)


def _name(skewed: bool) -> str:
    return "skewed" if skewed else "normal"


def _covers(ends: tuple[float, ...], truth: float, name: str = "coverage") -> dict[str, float]:
    """Tell whether an interval holds the truth; NaN where there is none."""
    low, high = ends
    return {name: np.nan if np.isnan(low) else float(low - 1e-12 <= truth <= high + 1e-12)}


def _percentiles(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    means = values[rng.integers(0, len(values), (N_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _pairs(n_classes: int, skewed: bool, rng: np.random.Generator) -> pd.DataFrame:
    frequency = rng.normal(size=n_classes)
    place = rng.normal(size=(n_classes, 2)) ** (2 if skewed else 1)
    a, b = np.triu_indices(n_classes, 1)
    table = pd.DataFrame({"class_a": a, "class_b": b, "delta_log_frequency": np.abs(frequency[a] - frequency[b])})
    table["iou_root4"] = 1 / (1 + np.exp(-(frequency[a] + frequency[b]) / 2 + rng.normal(0, 0.2, len(a))))
    return table.assign(fcd_euclidean=np.hypot(*(place[a] - place[b]).T))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the table to write")
    parser.add_argument("--simulations", type=int, default=2000, help="samples a row; fewer where they take long")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_csv(arguments.out, simulated(arguments.simulations, arguments.seed))
