"""The labelled array: rows find their samples, axes their names, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from htl_monai.scores import at_level, make_scores, of_samples, rows_of

Draw = Callable[..., xr.Dataset]
TWO = [{"id": "a"}, {"id": "b"}]


def test_the_order_of_rows_and_repeats_play_no_part() -> None:
    values, order = np.arange(8.0).reshape(2, 2, 2), [1, 0, 1]  # a distributed sampler evens its shards out so
    plain = make_scores(TWO, ["a", "b"], {"iou": values}, [0, 0.5], ["x", "y"])
    mixed = make_scores(TWO, ["b", "a", "b"], {"iou": values[order]}, [0, 0.5], ["x", "y"])
    assert plain.identical(mixed)


def test_levels_ascend_and_count_once() -> None:
    values = np.array([[3.0, 1.0, 2.0, 9.0], [7.0, 5.0, 6.0, 9.0]])
    scores = make_scores(TWO, ["a", "b"], {"iou": values}, [0.9, 0.0, 0.5, 0.9], ["x"])
    assert scores["level"].values.tolist() == [0.0, 0.5, 0.9]
    assert scores["iou"].sel(sample="a").values.tolist() == [1.0, 2.0, 3.0]


def test_axes_are_found_by_their_lengths_and_kept_as_the_task_gave_them() -> None:
    variables: dict[str, Any] = {
        "iou": np.zeros((2, 3, 2), np.float32),
        "loss": np.zeros((2, 3)),
        "label": np.zeros((2, 2), np.int8),
        "whole": np.zeros(2),
    }
    scores = make_scores(TWO, ["a", "b"], variables, [0, 0.5, 0.9], ["x", "y"])
    assert {name: values.dims for name, values in scores.data_vars.items()} == {
        "iou": ("level", "sample", "class"),
        "loss": ("level", "sample"),
        "label": ("sample", "class"),
        "whole": ("sample",),
    }
    assert [str(values.dtype) for values in scores.data_vars.values()] == ["float32", "float64", "int8", "float64"]


def test_one_number_a_sample_is_the_mean_of_the_foreground_that_can_be_measured() -> None:
    iou = np.array([[[0.1, 0.4, 0.8]], [[0.1, np.nan, 0.5]], [[0.1, np.nan, np.nan]]])
    data = [{"id": id_} for id_ in "abc"]
    scores = make_scores(data, list("abc"), {"iou": iou, "box": iou[..., 0]}, [0], list("xyz"), foreground=["y", "z"])
    np.testing.assert_allclose(of_samples(scores)[0], [0.6, 0.5, np.nan])
    assert of_samples(scores, "box").dims == ("level", "sample")
    with pytest.raises(KeyError, match="score must be one of iou, box, got 'dice'"):
        of_samples(scores, "dice")


def test_a_level_is_found_by_its_value(draw: Draw) -> None:
    scores = draw()
    np.testing.assert_array_equal(at_level(scores, 0.5 + 1e-12)["iou"], scores["iou"][1])
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, got 0.9; mine at it"):
        at_level(scores, 0.9)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="ids must cover the data list, got none for 1 images, first b"):
        rows_of(TWO, ["a"])
    with pytest.raises(ValueError, match="id must be unique, got a repeated"):
        rows_of([*TWO, {"id": "a"}], ["a", "b"])
    with pytest.raises(ValueError, match=r"iou must have the shape \(sample 2, level 2\), got \(2, 3\)"):
        make_scores(TWO, ["a", "b"], {"iou": np.zeros((2, 3))}, [0, 0.5], ["x"])
    with pytest.raises(ValueError, match="iou must name its axes where there are as many levels as classes"):
        make_scores(TWO, ["a", "b"], {"iou": np.zeros((2, 2))}, [0, 0.5], ["x", "y"])
