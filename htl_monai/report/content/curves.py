"""What pruning costs, level by level."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from xarray import DataArray, Dataset

from htl_monai.ranking.ranking import over_seeds
from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import label_of, percent
from htl_monai.report.run_scores import same_images
from htl_monai.scores import has_labels, of_samples, score_of
from htl_monai.statistics.bootstrap_interval import bootstrap_interval

__all__ = ["FORGOTTEN_SHARE", "curves_of", "forgotten_share", "mean_at"]

FORGOTTEN_SHARE = 0.4
"""From this share of its score an image that loses it counts as forgotten (Attend Who is Weak)."""
_N_RESAMPLES = 2000
_MOST_CLASSES = 12
_WAYS = {
    "GlobalMagnitude": "smallest weights removed",
    "Random": "random weights removed",
    "StructuredMagnitude": "channels removed",
    "Quantization": "fewer bits",
    "LowRank": "low rank",
}


def curves_of(found: Found) -> list[dict[str, Any]]:
    """Return the curves of the images that the report is on: of every way to compress, of the share that is forgotten,
    of each class, and where classes are many of their mean average precision.
    """
    if found.main is None or found.main.sizes["level"] < 2:
        return []
    same = [(stage, scores) for stage, scores in found.mined.items() if same_images(scores, found.main)]
    primary = label_of(str(found.main.attrs["primary"]))
    curves = [_curve(_way(stage, scores), f"mean {primary}", _means(scores)) for stage, scores in same]
    if has_labels(found.main):
        curves.append(
            _curve(f"images that lose {percent(FORGOTTEN_SHARE)} or more", "share of images", _lost(found.main))
        )
    curves += [_curve(name, f"mean {primary} of each class", points) for name, points in _classes(found.main)]
    for way, rows in found.tables.get("overall", pd.DataFrame({"compression": []})).groupby("compression", sort=False):
        points = [(float(x), float(y), np.nan, np.nan) for x, y in rows[["sparsity", "ap_mean"]].to_numpy()]
        curves.append(_curve(str(way).replace("_", " "), "mean average precision of the classes", points))
    return curves


def mean_at(scores: Dataset, level: float = 0.0) -> tuple[float, float, float]:
    """Return the mean of the primary score over the images, and its interval over their subjects; NaN = too few."""
    rows = _means(scores.isel(level=[int(np.abs(scores["level"].values - level).argmin())]))
    return rows[0][1:]


def forgotten_share(scores: Dataset, level: float) -> float:
    """Return the share of the images that lose so much at a level, those never learned among them; NaN = no image."""
    shares = {round(point[0], 8): point[1] for point in _lost(scores)}
    return shares.get(round(float(level), 8), np.nan)


def _curve(name: str, y: str, points: Iterable[tuple[float, float, float, float]]) -> dict[str, Any]:
    keys = ("sparsity", "mean", "low", "high")
    return {"name": name, "y": y, "points": [dict(zip(keys, point, strict=True)) for point in points]}


def _means(scores: Dataset) -> list[tuple[float, float, float, float]]:
    values = over_seeds(of_samples(scores))
    subjects = scores["subject"].values if "subject" in scores.coords else None
    return [(float(level), *_mean(values.sel(level=level).values, subjects)) for level in scores["level"].values]


def _mean(values: NDArray[Any], subjects: NDArray[Any] | None) -> tuple[float, float, float]:
    known = ~np.isnan(values)
    of = None if subjects is None else subjects[known].tolist()
    ends = bootstrap_interval(values[known], _N_RESAMPLES, subjects=of) if known.any() else (np.nan, np.nan)
    return float(values[known].mean()) if known.any() else np.nan, *ends


def _lost(scores: Dataset) -> list[tuple[float, float, float, float]]:
    """Return by level the share of the measured images that lose :data:`FORGOTTEN_SHARE` of their score."""
    values = of_samples(scores)
    dense = values.isel(level=0)
    shares = over_seeds(_forgotten(values, dense))
    return [(float(level), float(shares.sel(level=level)), np.nan, np.nan) for level in scores["level"].values[1:]]


def _forgotten(values: DataArray, dense: DataArray) -> DataArray:
    measured = dense.notnull() & values.notnull()
    forgotten = (dense > 0) & (values <= (1 - FORGOTTEN_SHARE) * dense)
    n = measured.sum("sample")
    return (forgotten & measured).sum("sample") / n.where(n > 0)


def _classes(scores: Dataset) -> list[tuple[str, list[tuple[float, float, float, float]]]]:
    names, values = scores.attrs["foreground"], score_of(scores)
    if "class" not in values.dims or not 2 <= len(names) <= _MOST_CLASSES:
        return []
    means = over_seeds(values).mean("sample", skipna=True)
    levels = scores["level"].values
    return [
        (name, [(float(v), float(means.sel({"class": name}).sel(level=v)), np.nan, np.nan) for v in levels])
        for name in names
    ]


def _way(stage: str, scores: Dataset) -> str:
    way = str(scores.attrs.get("compression") or stage)
    return _WAYS.get(way, label_of(way))
