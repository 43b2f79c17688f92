"""Says for whom a run's networks are worse: forgetting of the mined images, and each arm's score of the test images."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd
from xarray import Dataset

from htl_monai.analysis.groups import groups_table, pairs_table
from htl_monai.analysis.groups_of_forgetting import groups_of_forgetting
from htl_monai.analysis.slices import find_slices
from htl_monai.ranking.forgetting_table import primary_column
from htl_monai.ranking.hardness import bounded_forgetting
from htl_monai.scores import metadata_of, of_samples

_N_RESAMPLES = 1000


def groups_of_run(
    mined: pd.DataFrame,
    columns: Sequence[Hashable],
    scored: Mapping[str, Dataset],
    properties: pd.DataFrame | None = None,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Return the tables ``groups``, ``pairs`` and ``slices`` of a run.

    Args:
        mined: the forgetting table at one sparsity, one row an image.
        columns: its metadata.
        scored: scores of the test images by arm, seeds joined; means over the seeds are grouped.
        properties: of pictures, by ``id``, to search for slices as well.

    Returns:
        See :func:`~htl_monai.analysis.groups_of_forgetting.groups_of_forgetting`,
        :func:`~htl_monai.analysis.groups.pairs_table` and :func:`~htl_monai.analysis.slices.find_slices`; measures are
        ``forgetting_relative``, and the score that counts first with the name of the arm behind it.
    """
    bounded = mined.assign(forgetting_relative=bounded_forgetting(mined["forgetting_relative"]))
    parts = [(bounded, {"forgetting_relative": False}, list(columns))]
    if scored:
        tested, measures = _tested(scored)
        parts.append((tested, dict.fromkeys(measures, True), [name for name in tested if name not in measures]))
    groups = [groups_of_forgetting(mined, seed, columns=columns)]
    groups += [groups_table(*part, seed=seed, n_resamples=_N_RESAMPLES) for part in parts[1:]]
    pairs = [pairs_table(*part, seed=seed, n_resamples=_N_RESAMPLES) for part in parts]
    slices = [find_slices(*part, seed=seed, properties=properties) for part in parts]
    found = {"groups": groups, "pairs": pairs, "slices": slices}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def _tested(scored: Mapping[str, Dataset]) -> tuple[pd.DataFrame, list[str]]:
    """Return metadata and scores of the test images, and the columns that are scores."""
    first = next(iter(scored.values()))
    table = metadata_of(first)
    columns = {}
    for arm, scores in scored.items():
        values = of_samples(scores).sel(level=0.0)
        values = values.mean("seed", skipna=True) if "seed" in values.dims else values
        columns[f"{primary_column(scores)}_{arm}"] = values.sel(sample=first["sample"].values).values
    return table.assign(**columns), list(columns)
