"""Scores as a table for people: one row a sample, or one row a sample and level."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from htl_monai.scores.labelled_array import at_level, of_samples
from htl_monai.scores.metadata import metadata_of

__all__ = ["columns_of", "table_of"]


def columns_of(scores: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return every score as one number a sample, by the name of its column.

    A score of classes gives ``foreground_<score>``, see :func:`~htl_monai.scores.of_samples`; ``background_<score>``
    where one class alone is no foreground; and ``<score>_<class>`` for each of several foreground classes.
    """
    foreground = scores.attrs["foreground"]
    rest = [name for name in scores.indexes["class"] if name not in foreground]
    columns = {}
    for name, values in scores.data_vars.items():
        if "class" not in values.dims:
            columns[str(name)] = values
            continue
        columns[f"foreground_{name}"] = of_samples(scores, str(name))
        if len(rest) == 1:
            columns[f"background_{name}"] = values.sel({"class": rest[0]})
        if len(foreground) > 1:
            columns |= {f"{name}_{class_}": values.sel({"class": class_}) for class_ in foreground}
    return columns


def table_of(scores: xr.Dataset, level: float | None = None) -> pd.DataFrame:
    """Lay scores out for people.

    Args:
        scores: of one seed.
        level: one row a sample, with the scores at this level under their own names; by default one row a sample and
            level of compression, ``sparsity``, with ``<score>_dense`` and ``<score>_pruned``.

    Returns:
        ``id``, the metadata (no file names), the scores; samples in the order of the data list.
    """
    metadata, columns = metadata_of(scores), columns_of(scores)
    if level is not None:
        found = {name: at_level(v, level) if "level" in v.dims else v for name, v in columns.items()}
        return metadata.assign(**{name: values.values for name, values in found.items()})
    pruned = scores["level"].values[scores["level"].values > 0]
    table = metadata.loc[metadata.index.repeat(len(pruned))].reset_index(drop=True)
    for name, values in columns.items():
        if "level" not in values.dims:
            table[name] = values.values.repeat(len(pruned))
    table["sparsity"] = [level for _ in range(len(metadata)) for level in pruned]
    for name, values in columns.items():
        if "level" in values.dims:
            table[f"{name}_dense"] = at_level(values, 0.0).values.repeat(len(pruned))
            table[f"{name}_pruned"] = values.sel(level=pruned).transpose("sample", "level").values.reshape(-1)
    return table
