"""What a network scored, as one labelled array: level (0 = dense), sample, class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from htl_monai.data.readers.listing import name_first
from htl_monai.scores.metadata import coordinates_of

__all__ = ["at_level", "has_labels", "in_order", "make_scores", "of_samples", "rows_of", "score_of"]

AXES = ("level", "sample", "class")
_TOLERANCE = 1e-8

Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)
Values = ArrayLike | tuple[tuple[str, ...], ArrayLike]


def make_scores(
    data: Sequence[Mapping[str, Any]],
    ids: Sequence[str],
    variables: Mapping[str, Values],
    levels: Sequence[float],
    classes: Sequence[str],
    **attrs: Any,
) -> xr.Dataset:
    """Label what was measured of ``N`` samples at ``K`` levels of ``C`` classes, with the metadata of the samples.

    Args:
        data: the data list that was scored; its order is that of the samples.
        ids: of the ``N`` rows, in any order; an id that a distributed sampler repeated counts once, the last time.
        variables: arrays by name, rows first: ``(N, K, C)``, ``(N, K)``, ``(N, C)`` or ``(N,)``. Where ``K`` equals
            ``C``, an ``(N, K)`` needs its axes: ``(("sample", "level"), values)``.
        levels: the amounts of compression in any order, 0 = dense; one that is repeated counts once, the first time.
        classes: the names of the ``C`` classes.
        attrs: ``task``, ``primary`` (the score that counts first; by default the first variable), ``foreground`` (the
            classes that count in a sample's number; by default all), ``labelled`` (see :func:`has_labels`) and
            ``compression``.

    Returns:
        Dimensions ``level`` (ascending), ``sample`` (the ids) and ``class``; metadata as coordinates of ``sample``.

    Raises:
        ValueError: a sample was not scored, an id of ``data`` is repeated, or a shape does not fit.

    Example:
        >>> scores = make_scores([{"id": "a"}], ["a"], {"iou": [[[0.9, 0.8], [0.9, 0.2]]]}, [0, 0.5], ["skin", "mole"])
        >>> scores["iou"].sel(sample="a", level=0.5).values.tolist()
        [0.9, 0.2]
    """
    rows = rows_of(data, ids)
    ascending, places = np.unique(np.asarray(levels, dtype=np.float64), return_index=True)
    lengths = {"sample": len(ids), "level": len(levels), "class": len(classes)}
    found: dict[str, xr.Variable] = {}
    for name, values in variables.items():
        variable = _labelled(name, values, lengths).isel(sample=rows)
        variable = variable.isel(level=places) if "level" in variable.dims else variable
        found[name] = variable.transpose(*[axis for axis in AXES if axis in variable.dims])
    foreground = list(attrs.pop("foreground", classes))
    return xr.Dataset(
        found,
        {
            "level": ascending,
            "sample": np.array([item["id"] for item in data], dtype=object),
            "class": np.array([str(name) for name in classes], dtype=object),
            **coordinates_of(data, {*variables, *AXES, "seed", "image", "mask"}),
        },
        {"primary": next(iter(variables), ""), "foreground": foreground, **attrs},
    )


def of_samples(scores: xr.Dataset, name: str | None = None) -> xr.DataArray:
    """Return one number a sample: a score's mean over the foreground classes, NaN where none could be measured.

    Args:
        scores: from :func:`make_scores`, one seed or several joined.
        name: of the score; by default the primary one.

    Raises:
        KeyError: there is no such score.
    """
    values = score_of(scores, name)
    if "class" not in values.dims:
        return values
    return values.sel({"class": scores.attrs["foreground"]}).mean("class", skipna=True)


def score_of(scores: xr.Dataset, name: str | None = None) -> xr.DataArray:
    """Return a score by name, the primary one by default; a KeyError names those that exist."""
    name = scores.attrs["primary"] if name is None else name
    if name not in scores.data_vars:
        known = ", ".join(map(str, scores.data_vars))
        raise KeyError(f"score must be one of {known}, got {name!r}; name a score that is measured")
    return scores[name]


def has_labels(scores: xr.Dataset) -> bool:
    """Tell whether samples were scored against labels: else the primary score is agreement with the dense network."""
    return bool(scores.attrs.get("labelled", True))


def at_level(scores: Labelled, level: float) -> Labelled:
    """Return the scores at one level, found by its value.

    Raises:
        KeyError: nothing was measured there.
    """
    levels = scores["level"].values
    near = np.flatnonzero(np.abs(levels - level) <= _TOLERANCE)
    if not len(near):
        known = ", ".join(f"{value:g}" for value in levels)
        raise KeyError(f"sparsity must be one of {known}, got {level:g}; mine at it, or choose one of these")
    return scores.isel(level=int(near[0]))


def in_order(scores: xr.Dataset, ids: Sequence[str], path: object, split: str) -> xr.Dataset:
    """Return the scores in the order of a data list.

    Args:
        scores: of one seed or several joined.
        ids: the list's samples, which must be those of the scores.
        path: where these were read from, for the error.
        split: the name of the list, for the error.

    Raises:
        ValueError: they are of other samples; some are named.
    """
    index = scores.indexes["sample"]
    differing = sorted({*index} ^ {*ids})
    if differing:
        raise ValueError(
            f"scores in {path} must be of the {split} images of the data list, got {len(differing)} that are "
            f"not in both ({name_first(differing)}); mine again on the same data"
        )
    return scores.isel(sample=[index.get_loc(id_) for id_ in ids])


def rows_of(data: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> NDArray[np.intp]:
    """Return where each sample of a data list stands among scored ids; of repeated ones the last counts.

    Raises:
        ValueError: a sample is not among the ids, or an id of the data list is repeated; it is named.
    """
    wanted = [item["id"] for item in data]
    position = {id_: row for row, id_ in enumerate(ids)}
    missing = [id_ for id_ in wanted if id_ not in position]
    if missing or not wanted:
        raise ValueError(
            f"ids must cover the data list, got none for {len(missing)} images, first {name_first(missing, 1)}; "
            "score the same list that is joined"
        )
    if len(set(wanted)) < len(wanted):
        repeated = [id_ for id_ in dict.fromkeys(wanted) if wanted.count(id_) > 1]
        raise ValueError(
            f"id must be unique, got {name_first(repeated)} repeated; rename or remove the repeated images"
        )
    return np.array([position[id_] for id_ in wanted], dtype=np.intp)


def _labelled(name: str, values: Values, lengths: Mapping[str, int]) -> xr.Variable:
    if isinstance(values, tuple):
        dims, array = values[0], np.asarray(values[1])
    else:
        array = np.asarray(values)
        dims = ("sample", "level", "class")[: array.ndim] if array.ndim != 2 else _second_axis(name, array, lengths)
    wanted = tuple(lengths.get(axis, -1) for axis in dims)
    if array.shape != wanted or "sample" not in dims:
        shape = ", ".join(f"{axis} {length}" for axis, length in zip(dims, wanted, strict=True))
        raise ValueError(f"{name} must have the shape ({shape}), got {array.shape}; score each sample once")
    return xr.Variable(dims, array)


def _second_axis(name: str, array: NDArray[Any], lengths: Mapping[str, int]) -> tuple[str, str]:
    fitting = [axis for axis in ("level", "class") if lengths[axis] == array.shape[1]]
    if len(fitting) == 2:
        raise ValueError(
            f"{name} must name its axes where there are as many levels as classes, got {array.shape}; pass "
            '(("sample", "level"), values) or (("sample", "class"), values)'
        )
    return ("sample", fitting[0] if fitting else "level")
