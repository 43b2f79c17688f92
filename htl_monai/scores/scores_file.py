"""The file of a stage's scores: netCDF, compressed, written in one step, and checked when it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from htl_monai.data.files import write_atomically
from htl_monai.data.readers.listing import name_first
from htl_monai.scores.labelled_array import AXES
from htl_monai.scores.metadata import from_file, to_file

__all__ = ["open_scores", "read_scores", "write_scores"]

_LARGEST_RATIO = 1100  # deflate shrinks by 1,032 at most: what claims more holds numbers that nobody wrote
_REMEDY = "mine or evaluate again"


def write_scores(path: str | os.PathLike[str], scores: xr.Dataset) -> Path:
    """Write the scores of one network and its pruned versions, atomically.

    Raises:
        ValueError: they are not as :func:`~htl_monai.scores.make_scores` makes them.
    """
    _check(scores, str(path))
    texts = {name: to_file(scores[name]) for name in _of_samples_only(scores)}
    stored = scores.assign_coords(texts)
    encoding = {str(name): _encoding(values) for name, values in stored.data_vars.items()}
    return write_atomically(
        path, lambda temporary: stored.to_netcdf(temporary, engine="h5netcdf", encoding=encoding, mode="w")
    )


def read_scores(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read what :func:`write_scores` wrote, into memory.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: it holds no scores; what is wrong is named.
    """
    with open_scores(path) as scores:
        try:
            return scores.load()
        except Exception as error:  # a damaged block shows only now, each kind as another error
            raise ValueError(_unreadable(path, error)) from error


def open_scores(path: str | os.PathLike[str]) -> xr.Dataset:
    """Open a file of scores without reading the scores: dask reads what a computation asks for, a level at a time.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: it holds no scores; what is wrong is named.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"scores {path} do not exist; run the stage that makes them or correct the path")
    try:
        _require_own_arrays(path)
        scores = xr.open_dataset(path, engine="h5netcdf", chunks={}, decode_times=False)
        names = _of_samples_only(scores)
        scores = scores.assign_coords({name: from_file(scores[name].load()) for name in names})
        scores.attrs["foreground"] = [str(name) for name in np.atleast_1d(scores.attrs.get("foreground", []))]
    except Exception as error:  # h5netcdf and xarray raise whatever a damaged file makes them stumble over
        raise ValueError(_unreadable(path, error)) from error
    _check(scores, str(path))
    return scores


def _of_samples_only(scores: xr.Dataset) -> list[str]:
    return [str(name) for name, values in scores.coords.items() if values.dims == ("sample",) and name != "sample"]


def _encoding(values: xr.DataArray) -> dict[str, Any]:
    """One block a level, so that one can be read without the others; a checksum finds what a disk damages."""
    chunks = tuple(1 if axis == "level" else length for axis, length in values.sizes.items())
    return {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True, "chunksizes": chunks}


def _require_own_arrays(path: str | os.PathLike[str]) -> None:
    """A file may say that its numbers stand in another one, which its sender has no business to name, or nowhere."""
    largest = _LARGEST_RATIO * Path(path).stat().st_size
    with h5py.File(path, "r") as file:
        for name in file:
            link = file.get(name, getlink=True)
            entry = file[name] if isinstance(link, h5py.HardLink) else None
            if not isinstance(entry, h5py.Dataset) or entry.external or entry.is_virtual:
                raise ValueError(f"{name}, which is no array of this file")
            if entry.size * entry.dtype.itemsize > largest:
                raise ValueError(f"{name} of {entry.size} numbers, more than the file can hold")


def _unreadable(path: str | os.PathLike[str], error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{path} must hold scores as they were written, got: {reason[:200]}; {_REMEDY}"


def _check(scores: xr.Dataset, where: str) -> None:
    for rule, got in _faults(scores):
        raise ValueError(f"scores in {where} must {rule}, got {got}; {_REMEDY}")


def _faults(scores: xr.Dataset) -> Iterator[tuple[str, object]]:
    """Yield what is broken and what stands there, the axes first: nothing else makes sense without them."""
    if not set(AXES) <= set(scores.indexes) or not all(scores.sizes[axis] for axis in AXES):
        yield f"have values of {', '.join(AXES)} to each number", ", ".join(map(str, scores.indexes)) or "none"
    for axis in ("sample", "class"):
        names = scores.indexes[axis].tolist()
        if not all(isinstance(name, str) and name for name in names):
            yield f"name each {axis}", next(repr(name) for name in names if not (isinstance(name, str) and name))
        if len(set(names)) < len(names):
            repeated = scores.indexes[axis][scores.indexes[axis].duplicated()].tolist()
            yield f"name each {axis} once", f"{name_first(repeated)} again"
    levels = scores["level"].values
    if levels.dtype.kind not in "iuf" or not np.isfinite(levels).all() or (np.diff(levels) <= 0).any() or levels[0] < 0:
        yield "have ascending levels from 0", levels.tolist()
    for name, values in scores.data_vars.items():
        if not set(values.dims) <= {*AXES, "epoch"} or "sample" not in values.dims or values.dtype.kind not in "biuf":
            yield "be numbers of samples", f"{name} of {values.dtype} over ({', '.join(map(str, values.dims))})"
    primary = scores.attrs.get("primary")
    if not isinstance(primary, str) or primary not in scores.data_vars:
        yield f"have a primary one of {', '.join(map(str, scores.data_vars))}", repr(primary)
    foreground = scores.attrs.get("foreground", [])
    if not foreground or not set(foreground) <= set(scores.indexes["class"]):
        yield f"have a foreground of the classes {name_first(scores.indexes['class'].tolist())}", foreground
