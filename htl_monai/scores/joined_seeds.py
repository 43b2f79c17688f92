"""The scores of several seeds as one array, read only where a computation asks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from htl_monai.data.readers.listing import name_first
from htl_monai.scores.scores_file import open_scores

__all__ = ["join_seeds"]

# What the data say and no network: the same for every seed.
OF_THE_DATA = ("label", "whole_image_iou")


def join_seeds(paths: Mapping[int, str | os.PathLike[str]]) -> xr.Dataset:
    """Join one file a seed along ``seed``, the first dimension of every score; the metadata are those of the first.

    Nothing is loaded: 30 seeds × 20 levels × 21,081 samples × 20 classes join in seconds, and
    ``at_level(joined, 0.9).mean("seed")`` reads the blocks of that level one by one.

    Args:
        paths: ``scores.nc`` by seed; samples may be in any order, they are put in that of the first.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: there is none, or they are of different samples, levels, classes or scores; what differs is named.
    """
    if not paths:
        raise ValueError("paths must name at least one file of scores, got none; give one per seed")
    parts = {seed: open_scores(path) for seed, path in paths.items()}
    first_seed, first = next(iter(parts.items()))
    for seed, part in parts.items():
        _require_same(first, part, paths[first_seed], paths[seed])
        if not part.indexes["sample"].equals(first.indexes["sample"]):
            parts[seed] = part.isel(sample=part.indexes["sample"].get_indexer(first.indexes["sample"]))
    of_networks = [name for name in first.data_vars if name not in OF_THE_DATA]
    for name in ("label",) if "label" in first else ():
        for seed, part in parts.items():
            if not np.array_equal(first[name].values, part[name].values, equal_nan=True):
                raise ValueError(
                    f"labels of all seeds must be the same, got others in {paths[seed]} than in {paths[first_seed]}; "
                    "mine them on the same data"
                )
    joined = xr.concat(
        [part[of_networks].reset_coords(drop=True) for part in parts.values()],
        pd.Index(list(parts), name="seed"),
        data_vars="all",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    return joined.assign(first.drop_vars(of_networks).data_vars).assign_coords(first.coords)


def _require_same(first: xr.Dataset, other: xr.Dataset, where: object, there: object) -> None:
    facts = {
        "classes": lambda part: part.indexes["class"].tolist(),
        "levels": lambda part: [f"{level:g}" for level in part["level"].values],
        "scores": lambda part: sorted(part.data_vars),
        "foreground": lambda part: part.attrs["foreground"],
        "samples": lambda part: sorted(part.indexes["sample"]),
    }
    for what, of in facts.items():
        ours, theirs = of(first), of(other)
        if ours != theirs:
            differing = sorted(set(ours) ^ set(theirs))
            raise ValueError(
                f"scores of all seeds must have the same {what}, got others in {there} than in {where} "
                f"({name_first(differing) or 'another order'}); mine them on the same data with the same configs"
            )
