"""Several seeds as one array: put in one order, read late, and refused where they do not belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from htl_monai.scores import at_level, join_seeds, write_scores

Draw = Callable[..., xr.Dataset]


def test_seeds_are_joined_in_the_order_of_the_first(draw: Draw, tmp_path: Path) -> None:
    parts = {0: draw(0), 7: draw(1, ids=("c", "a", "b"))}
    joined = join_seeds({seed: write_scores(tmp_path / f"{seed}.nc", part) for seed, part in parts.items()})
    assert joined["iou"].dims == ("seed", "level", "sample", "class") and joined["seed"].values.tolist() == [0, 7]
    assert joined["label"].dims == ("sample", "class") and joined["age"].dims == ("sample",)
    assert joined.attrs == parts[0].attrs
    np.testing.assert_array_equal(joined["iou"][0], parts[0]["iou"])
    np.testing.assert_array_equal(joined["iou"][1], parts[7]["iou"].sel(sample=["a", "b", "c"]))


def test_nothing_is_read_before_it_is_asked_for(draw: Draw, tmp_path: Path) -> None:
    joined = join_seeds({seed: write_scores(tmp_path / f"{seed}.nc", draw(seed)) for seed in range(3)})
    assert joined["iou"].chunksizes["seed"] == (1, 1, 1) and joined["iou"].chunksizes["level"] == (1, 1)
    mean = at_level(joined, 0.5)["iou"].mean("seed")
    assert mean.chunks is not None
    np.testing.assert_allclose(mean, np.mean([draw(seed)["iou"][1] for seed in range(3)], axis=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("a", "b")}, r"samples, got others in .*1.nc than in .*0.nc \(c\)"),
        ({"classes": ["background", "mole"], "foreground": ["mole"]}, r"classes, got others in .* \(lesion, mole\)"),
        ({"classes": ["lesion", "background"]}, r"classes, got others in .* \(another order\)"),
        ({"levels": (0.0, 0.7)}, r"levels, got others in .* \(0.5, 0.7\); mine them on the same data"),
        ({"foreground": ["background"]}, r"foreground, got others in .* \(background, lesion\)"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(changes: dict, message: str, draw: Draw, tmp_path: Path) -> None:
    paths = {i: write_scores(tmp_path / f"{i}.nc", part) for i, part in enumerate((draw(), draw(**changes)))}
    with pytest.raises(ValueError, match=f"scores of all seeds must have the same {message}"):
        join_seeds(paths)


def test_other_scores_or_labels_and_no_file_are_refused(draw: Draw, tmp_path: Path) -> None:
    first = write_scores(tmp_path / "0.nc", draw())
    with pytest.raises(ValueError, match=r"the same scores, got others in .* \(loss\)"):
        join_seeds({0: first, 1: write_scores(tmp_path / "1.nc", draw().drop_vars("loss"))})
    with pytest.raises(ValueError, match="labels of all seeds must be the same, got others in .*2.nc than in .*0.nc"):
        join_seeds({0: first, 1: write_scores(tmp_path / "2.nc", draw().assign(label=1 - draw()["label"]))})
    with pytest.raises(ValueError, match="paths must name at least one file of scores, got none"):
        join_seeds({})
