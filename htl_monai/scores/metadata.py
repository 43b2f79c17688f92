"""The columns of a data list as coordinates of the samples, and the way of their values through a netCDF file.

netCDF knows neither None nor a column of several kinds, and a name with a space or a slash means something else there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

__all__ = ["coordinates_of", "from_file", "metadata_of", "to_file"]

_COLUMN, _ENCODING = "column", "values_are"
# The data list's names of files; the coordinate "label" would stand in the way of the score.
_FILES = {"image": "image", "label": "mask"}


def coordinates_of(data: Sequence[Mapping[str, Any]], taken: Collection[str]) -> dict[str, xr.Variable]:
    """Return the metadata of the samples as coordinates: numbers as such, everything else as objects.

    Missing is NaN among numbers and text, None in other columns: ask ``pandas.isna``.

    Args:
        data: the data list. Its ``id`` is the index and no coordinate; ``image`` and ``label`` become ``image`` and
            ``mask`` where they are paths, and are left out where they are the thing itself.
        taken: names that no coordinate may have; a column of such a name gets a ``_`` behind it.
    """
    taken = set(taken)
    found = {}
    for column in dict.fromkeys(key for item in data for key in item if key != "id"):
        values = [item.get(column) for item in data]
        if column in _FILES:
            if all(value is None or isinstance(value, str | os.PathLike) for value in values):
                paths = [None if value is None else str(value) for value in values]
                found[_FILES[column]] = xr.Variable("sample", _objects(paths))
            continue
        name = re.sub(r"\W", "_", str(column)) or "_"
        while name in taken:
            name += "_"
        taken.add(name)
        found[name] = xr.Variable("sample", _column(values), {} if name == column else {_COLUMN: str(column)})
    return found


def metadata_of(scores: xr.Dataset, files: bool = False) -> pd.DataFrame:
    """Return ``id`` and the metadata of the samples under the names of the data list, one row a sample.

    Args:
        scores: from :func:`~htl_monai.scores.make_scores`.
        files: with the paths ``image`` and ``mask``.
    """
    columns: dict[str, Any] = {"id": scores["sample"].values.tolist()}
    for name, values in scores.coords.items():
        if name != "sample" and values.dims == ("sample",) and (files or name not in _FILES.values()):
            columns[values.attrs.get(_COLUMN, name)] = values.values
    return pd.DataFrame(columns)


def to_file(values: xr.DataArray) -> xr.Variable:
    """Return a coordinate as netCDF can hold it: text with "" for missing, or JSON where that would lose something."""
    if values.dtype.kind in "biuf":
        return values.variable
    # xarray turns None into NaN where the rest is text.
    objects = [None if isinstance(value, float) and value != value else value for value in values.values.tolist()]
    if all(value is None or (isinstance(value, str) and value and _is_plain(value)) for value in objects):
        return xr.Variable("sample", np.array([value or "" for value in objects], dtype=object), values.attrs)
    texts = [json.dumps(value, default=str) for value in objects]
    return xr.Variable("sample", np.array(texts, dtype=object), {**values.attrs, _ENCODING: "json"})


def from_file(values: xr.DataArray) -> xr.Variable:
    """Undo :func:`to_file`.

    Raises:
        ValueError: what says that it is JSON is none.
    """
    if values.dtype.kind in "biuf":
        return values.variable
    attrs = {name: value for name, value in values.attrs.items() if name != _ENCODING}
    texts = [str(value) for value in values.values.tolist()]
    is_json = values.attrs.get(_ENCODING) == "json"
    return xr.Variable("sample", _objects([json.loads(text) if is_json else text or None for text in texts]), attrs)


def _column(values: Sequence[Any]) -> NDArray[Any]:
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool} and None not in values:
        return np.array(values, dtype=bool)
    if kinds == {int} and None not in values and all(abs(value) < 2**63 for value in values):
        return np.array(values, dtype=np.int64)
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return _objects(values)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values  # np.array() would make lists of one length a second axis
    return array


def _is_plain(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8", "ignore").decode() == text
